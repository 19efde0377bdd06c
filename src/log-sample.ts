/** Of what is logged of every message, only a share is written where there are very many. */
import { crc32 } from 'node:zlib';
import type { Logger } from './logger';

/** What crc32 stays below. */
const HASHES = 2 ** 32;

/**
 * The logger, but of its info lines only a share is written. The id decides, so that of one message all such lines
 * are written or none, in every process; lines without a `messageId` are always written.
 *
 * @param share from 0, none, to 1, all
 */
export function sampledLogger(logger: Logger, share: number): Logger {
  if (share >= 1) return logger;
  const info = (event: string, fields: { readonly messageId?: string } = {}) => {
    const { messageId } = fields;
    if (messageId === undefined || crc32(messageId) < share * HASHES) logger.info(event, fields);
  };
  return {
    error: logger.error.bind(logger),
    warn: logger.warn.bind(logger),
    info,
    debug: logger.debug.bind(logger),
  } as Logger;
}
