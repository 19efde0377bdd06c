import { join } from 'node:path';
import { createEmailsHandler } from '../../src/consumers/emails';
import { done } from '../../src/consumers/outcome';
import type { Mail } from '../../src/mailer';
import { loadTemplates } from '../../src/templates';
import { recordedLog } from '../broker/world';

const templates = loadTemplates(join(__dirname, '../../templates'));

/** Handles a mail while the mail server answers like this. */
async function handle(
  payload: { template?: string; variables?: Record<string, string> } = {},
  answer: () => Promise<string> = async () => '250 taken',
) {
  const sent: Mail[] = [];
  const logger = recordedLog();
  const mailer = {
    send(mail: Mail) {
      sent.push(mail);
      return answer();
    },
    close() {},
  };
  const handler = createEmailsHandler({ mailer, templates, logger });
  const outcome = await handler(
    {
      id: 'm',
      to: 'emails',
      payload: { email: 'ann@example.com', template: 'welcome', ...payload },
      dueAt: 0,
      acceptedAt: 0,
      attempt: 1,
      delivery: 'd',
    },
    new AbortController().signal,
  );
  return { outcome, sent, log: logger.lines };
}

test("a mail is rendered and sent under the message's id, and the log says where it went", async () => {
  const { outcome, sent, log } = await handle();
  expect(outcome).toEqual(done);
  expect(sent).toEqual([
    {
      id: 'm',
      to: 'ann@example.com',
      subject: 'Welcome',
      text: expect.stringContaining('ann@example.com'),
      html: expect.stringContaining('ann@example.com'),
    },
  ]);
  expect(log).toEqual([
    { level: 'info', event: 'mail sent', messageId: 'm', template: 'welcome', where: '250 taken' },
  ]);
});

test('variables fill in the template, but never change the address', async () => {
  const variables = { title: 'Planning', starts_at: 'noon', email: 'bob@example.com' };
  const { sent } = await handle({ template: 'reminder', variables });
  expect(sent).toMatchObject([{ to: 'ann@example.com', subject: 'Reminder: Planning' }]);
  expect((await handle({ variables })).sent[0]?.text).toContain('ann@example.com');
});

test.each([
  ['reminder', 'template reminder: variable "title" is missing'],
  ['farewell', 'template farewell: there is no template "farewell", only '],
])('a mail that cannot be made from %s is rejected, and not sent', async (template, says) => {
  const { outcome, sent } = await handle({ template });
  expect(outcome).toEqual({ kind: 'reject', error: expect.stringContaining(says) });
  expect(sent).toEqual([]);
});

test.each([
  ['550 for good', { responseCode: 550 }, 'reject'],
  ['554 for good', { responseCode: 554 }, 'reject'],
  ['452 for now', { responseCode: 452 }, 'retry'],
  ['421 for now', { responseCode: 421 }, 'retry'],
  ['no answer at all', { code: 'ECONNREFUSED' }, 'retry'],
])('a mail server that says %s', async (says, fields, kind) => {
  const { outcome, log } = await handle({}, () => Promise.reject(Object.assign(new Error(says), fields)));
  expect(outcome).toEqual({ kind, error: says });
  expect(log).toEqual([]);
});
