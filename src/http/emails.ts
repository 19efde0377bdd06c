/** The mail that welcomes a newcomer. */
import { z } from 'zod';
import { isoTime } from '../clock';
import { emailAddress, templateName } from '../targets';
import { requireTarget } from './authentication';
import { originOf } from './origin';
import type { RouteOptions, Routes } from './routes';
import { validBody } from './validation';

const WELCOME_DELAY_MS = 3_000;

/** `POST /welcome-email`. */
export function emailRoutes({
  acceptance,
  clock,
  templateNames,
}: Pick<RouteOptions, 'acceptance' | 'clock' | 'templateNames'>): Routes {
  const schema = welcomeEmail(templateNames);
  return {
    '/welcome-email': {
      post: async (req, res) => {
        const payload = validBody(schema, req.body);
        requireTarget(req, 'emails');
        const { id, dueAt } = await acceptance.accept({
          to: 'emails',
          payload,
          dueAt: clock() + WELCOME_DELAY_MS,
          ...originOf(req),
        });
        res.status(202).json({
          msg: `mail to ${payload.email} goes out in ${WELCOME_DELAY_MS / 1000} seconds`,
          id,
          due_at: isoTime(dueAt),
        });
      },
    },
  };
}

/** The body of `POST /welcome-email`. */
export const welcomeEmail = (templateNames: readonly string[]) =>
  z.strictObject({
    email: emailAddress.describe('Whom the mail goes to'),
    template: templateName(templateNames).default('welcome'),
  });
