/**
 * Keeping out other sites' pages. A browser sends for them what needs no permission, a POST without a body among it, to
 * any address that it can reach, be it this machine's own: where no key is needed, that would count.
 */
import type { Request, RequestHandler } from 'express';
import { DelayBrokerError } from '../errors';

/** A browser sends this for the page of another site, which might change something. */
export class CrossSiteError extends DelayBrokerError {
  readonly code = 'cross_site';
  constructor() {
    super(
      'A browser sent this for the page of another site or port. Only GET is possible from there; ' +
        'send it from a program, or from a page that the API itself has served.',
    );
  }
}

const HARMLESS = ['GET', 'HEAD'];
/** This site's own page, or a person who typed the address. */
const OWN = ['same-origin', 'none'];

/** Refuses what may change something and comes from the page of another site; throws CrossSiteError. */
export const refuseCrossSite: RequestHandler = (req, _res, next) => {
  if (!HARMLESS.includes(req.method) && isCrossSite(req)) throw new CrossSiteError();
  next();
};

/** No page can set either header, and no client but a browser has a reason to. */
function isCrossSite(req: Request): boolean {
  const site = req.get('sec-fetch-site');
  if (site !== undefined) return !OWN.includes(site);
  // Browsers from before 2023 do not all send it.
  const origin = req.get('origin');
  return origin !== undefined && !isOwnOrigin(origin, req.host);
}

/** `null`, the origin of a page that hides where it is from, is no URL. */
function isOwnOrigin(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  // A port may be left out where it is the scheme's own.
  const own = `${protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === originHost;
}
