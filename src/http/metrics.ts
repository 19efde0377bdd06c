/** What Prometheus scrapes, and the measuring of requests. */
import type { RequestHandler } from 'express';
import type { Metrics } from '../metrics';
import type { Routes } from './routes';

/** `/metrics`, in Prometheus' text format. */
export function metricsRoutes(metrics: Metrics): Routes {
  return {
    '/metrics': {
      get: async (_req, res) => {
        const text = await metrics.text();
        res.set('Content-Type', metrics.contentType).send(text);
      },
    },
  };
}

/** Where no route answered: a path that is not there would otherwise be a label that a client chooses. */
const NO_ROUTE = 'none';

/** Measures each request from here to the end of its answer. */
export function measureRequests(metrics: Metrics): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    res.once('finish', () =>
      metrics.answered({
        method: req.method,
        route: req.route?.path ?? NO_ROUTE,
        status: res.statusCode,
        tookMs: performance.now() - startedAt,
      }),
    );
    next();
  };
}
