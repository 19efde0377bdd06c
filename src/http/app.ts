/** The API: what is served where. Each route validates, schedules, answers. */
import express, { type Express } from 'express';
import type { Logger } from '../logger';
import type { Metrics } from '../metrics';
import { type AuthenticationOptions, identifyCaller, requireCaller } from './authentication';
import { batchRoutes } from './batch';
import { jsonBody } from './body';
import { refuseCrossSite } from './cross-site';
import { documentRoutes } from './documents';
import { emailRoutes } from './emails';
import { errorHandler, sendProblem } from './errors';
import { healthRoutes, type Readiness } from './health';
import { limitUrl } from './limits';
import { overviewRoutes } from './listing';
import { meetingRoutes } from './meetings';
import { oneMessageRoutes } from './message';
import { messageRoutes } from './messages';
import { measureRequests, metricsRoutes } from './metrics';
import { orderRoutes } from './orders';
import { parkedRoutes } from './parked';
import { limitRate, type RateLimit } from './rate-limit';
import { reportRoutes } from './report';
import { nameRequest } from './request-id';
import { METHODS, type RouteOptions, type Routes } from './routes';
import { scheduleRoutes } from './schedules';
import { securityHeaders } from './security-headers';
import type { TrustedProxies } from './trusted-proxies';

/** Who may use the API, and how much. */
export interface AccessOptions extends AuthenticationOptions {
  /** How many requests each caller may send; default any number. */
  readonly rateLimit?: RateLimit | undefined;
  /** Proxies that are believed whose request they pass on; default none. */
  readonly trustedProxies?: TrustedProxies | undefined;
}

/** What the API needs. */
export interface AppOptions extends RouteOptions {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly access: AccessOptions;
  /** Largest body of a batch, in bytes; default 8 MiB. */
  readonly batchMaxBytes?: number;
}

/** The express application; serving it is up to server.ts. */
export function createApp({
  logger,
  readiness,
  metrics,
  access,
  batchMaxBytes,
  ...options
}: AppOptions): Express {
  const app = newApp(access.trustedProxies);
  // Measured first, so that what is refused below is counted as well.
  app.use(measureRequests(metrics), nameRequest, securityHeaders, limitUrl, identifyCaller(access));
  // Before anything is refused for want of a key: that counts as well.
  if (access.rateLimit) app.use(limitRate(access.rateLimit));
  app.use(refuseCrossSite, requireCaller);
  serve(app, {
    ...orderRoutes(options),
    ...emailRoutes(options),
    ...meetingRoutes(options),
    ...messageRoutes(options),
    ...batchRoutes({ ...options, logger, maxBytes: batchMaxBytes }),
    ...oneMessageRoutes(options),
    ...overviewRoutes(options),
    ...reportRoutes(options),
    ...scheduleRoutes(options),
    ...parkedRoutes(options),
    ...healthRoutes(readiness),
    ...metricsRoutes(metrics),
    ...documentRoutes({ ...options, batchMaxBytes }),
  });
  return finish(app, logger);
}

/** An application that answers for a process's health and metrics and nothing else; it needs no key. */
export function createHealthApp({
  readiness,
  metrics,
  logger,
}: Pick<AppOptions, 'readiness' | 'metrics' | 'logger'>): Express {
  const app = newApp().use(nameRequest, securityHeaders, limitUrl);
  serve(app, { ...healthRoutes(readiness), ...metricsRoutes(metrics) });
  return finish(app, logger);
}

function newApp(trustedProxies: TrustedProxies = []): Express {
  return express().disable('x-powered-by').disable('etag').set('trust proxy', trustedProxies);
}

function serve(app: Express, routes: Routes): void {
  for (const [path, handlers] of Object.entries(routes)) {
    const route = app.route(path);
    const { readBody = jsonBody } = handlers;
    if (handlers.get) route.get(handlers.get);
    if (handlers.post) route.post(readBody, handlers.post);
    if (handlers.put) route.put(readBody, handlers.put);
    if (handlers.patch) route.patch(readBody, handlers.patch);
    if (handlers.delete) route.delete(readBody, handlers.delete);
    const allowed = METHODS.filter((method) => handlers[method]).map((method) => method.toUpperCase());
    if (handlers.get) allowed.push('HEAD');
    route.all((req, res) => {
      res.set('Allow', allowed.join(', '));
      sendProblem(res, {
        status: 405,
        kind: 'method-not-allowed',
        title: 'Method not allowed',
        detail: `${req.method} is not possible here, only ${allowed.join(', ')}.`,
      });
    });
  }
}

function finish(app: Express, logger: Logger): Express {
  app.use((req, res) => {
    sendProblem(res, {
      status: 404,
      kind: 'not-found',
      title: 'Not found',
      detail: `There is nothing at ${req.path}.`,
    });
  });
  app.use(errorHandler(logger));
  return app;
}
