/** What a client may take of the server: size, time, connections. */
import type { RequestHandler } from 'express';
import { DelayBrokerError } from '../errors';

/** Limits of a server; times in milliseconds. */
export interface ServerLimits {
  /** How long a request's headers may take, from its first byte or from the connection on. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How long a connection may be idle between two requests. */
  readonly keepAliveTimeoutMs: number;
  /** How long an answer may stand still because the client does not read it, or a handler say nothing. */
  readonly stallTimeoutMs: number;
  /** How often the first two are looked at. */
  readonly checkEveryMs: number;
  /** Longest request line and headers together, in bytes. */
  readonly headerBytes: number;
  /** Connections open at once; further ones are closed as they come. */
  readonly connections: number;
}

/** The limits unless others are given. */
export const SERVER_LIMITS: ServerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  // Longer than the minute after which proxies usually let go: whoever closes last risks a lost request.
  keepAliveTimeoutMs: 65_000,
  // A redrive of very many messages says nothing for minutes.
  stallTimeoutMs: 600_000,
  checkEveryMs: 1_000,
  headerBytes: 16_384,
  connections: 5_000,
};

/** Longest URL in characters: no route needs more, and headers should have room beside it. */
const LONGEST_URL = 8_192;

/** The URL is longer than any that is served. */
export class UrlTooLongError extends DelayBrokerError {
  readonly code = 'url_too_long';
  constructor() {
    super(`The URL must not be longer than ${LONGEST_URL} characters.`);
  }
}

/** Throws UrlTooLongError. */
export const limitUrl: RequestHandler = (req, _res, next) => {
  if (req.url.length > LONGEST_URL) throw new UrlTooLongError();
  next();
};
