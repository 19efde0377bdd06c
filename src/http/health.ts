/** Whether the process lives, and whether it can do its work. */

import { sendProblem } from './errors';
import type { Routes } from './routes';

/** Why the process cannot do its work, a sentence each; empty when it can. */
export type Readiness = () => readonly string[];

/** `/livez` for restarting, `/readyz` for sending traffic. */
export function healthRoutes(readiness: Readiness): Routes {
  return {
    '/livez': { get: (_req, res) => void res.json({ status: 'alive' }) },
    '/readyz': {
      get: (_req, res) => {
        const reasons = readiness();
        if (reasons.length === 0) return void res.json({ status: 'ready' });
        sendProblem(res, { status: 503, kind: 'not-ready', title: 'Not ready', detail: reasons.join(' ') });
      },
    },
  };
}
