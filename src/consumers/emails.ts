/** A mail that came due: made from its template and sent. */
import type { z } from 'zod';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Mailer } from '../mailer';
import type { emailPayload } from '../targets';
import type { RenderedMail, Templates } from '../templates';
import type { Handler } from './handler';
import { done, type Outcome, reject, retry } from './outcome';

/** What the emails handler needs. */
export interface EmailsOptions {
  readonly mailer: Mailer;
  readonly templates: Templates;
  readonly logger: Logger;
}

/** Renders and sends each mail. */
export function createEmailsHandler({
  mailer,
  templates,
  logger,
}: EmailsOptions): Handler<z.output<typeof emailPayload>> {
  return async ({ id, payload: { email, template, variables } }, signal) => {
    let mail: RenderedMail;
    try {
      mail = templates.render(template, { ...variables, email });
    } catch (error) {
      return reject(`template ${template}: ${messageOf(error)}`);
    }
    try {
      const where = await mailer.send({ id, to: email, ...mail }, signal);
      logger.info('mail sent', { messageId: id, template, where });
      return done;
    } catch (error) {
      return outcomeOfFailure(error);
    }
  };
}

/** What a mail that was not sent comes to: SMTP's 5xx is final (RFC 5321, 4.2.1); 4xx and whatever went wrong on the way may pass. */
export function outcomeOfFailure(error: unknown): Outcome {
  const code = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0;
  return code >= 500 && code < 600 ? reject(messageOf(error)) : retry(messageOf(error));
}
