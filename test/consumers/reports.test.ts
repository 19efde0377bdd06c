import { join } from 'node:path';
import type { z } from 'zod';
import type { MessageOf } from '../../src/consumers/handler';
import { guardHandler } from '../../src/consumers/handler';
import { done } from '../../src/consumers/outcome';
import { createReportsHandler, type ReportsOptions } from '../../src/consumers/reports';
import { BrokerUnavailableError } from '../../src/errors';
import type { Mail } from '../../src/mailer';
import type { Report, ReportRequest } from '../../src/reports/report';
import { TARGETS } from '../../src/targets';
import { loadTemplates } from '../../src/templates';
import { recordedLog } from '../broker/world';

const templates = loadTemplates(join(__dirname, '../../templates'));
const DUE_AT = Date.parse('2026-11-25T00:00:00.000Z');

const activity = {
  counts: { accepted: 3, handled: 2, retried: 1, parked: 0, cancelled: 0 },
  lateness: undefined,
};
const reportOn = ({ period }: ReportRequest): Report => ({
  ...{
    period,
    madeAt: period.to,
    complete: true,
    total: activity,
    targets: { orders: activity },
    reasons: [],
  },
  pending: { from: period.to, messages: 0, targets: {}, hours: Array(24).fill(0) },
});

type ReportMessage = MessageOf<z.input<typeof TARGETS.reports>>;

/** Handles a message with this payload. */
async function handle(
  payload: ReportMessage['payload'] = {},
  fields: Partial<ReportMessage> = {},
  options: Partial<ReportsOptions> & { answer?: () => Promise<string> } = {},
) {
  const sent: Mail[] = [];
  const asked: ReportRequest[] = [];
  const logger = recordedLog();
  const { answer = async () => '250 taken' } = options;
  const handler = createReportsHandler({
    reporter: {
      async report(request) {
        asked.push(request);
        return reportOn(request);
      },
    },
    mailer: {
      send(mail) {
        sent.push(mail);
        return answer();
      },
      close() {},
    },
    ...{ templates, to: ['ops@example.com'], timezone: 'UTC', logger },
    ...options,
  });
  const message = { id: 'm', to: 'reports', dueAt: DUE_AT, acceptedAt: 0, attempt: 1, delivery: 'd' };
  const outcome = await guardHandler(TARGETS.reports, handler, 5_000)({ ...message, payload, ...fields });
  const periods = asked.map(({ period }) => [period.from, period.to].map((at) => new Date(at).toISOString()));
  return { outcome, sent, periods, log: logger.lines };
}

test("a report is made, mailed under the message's id, and the log says where it went, without addresses", async () => {
  const { outcome, sent, log } = await handle();
  expect(outcome).toEqual(done);
  expect(sent).toEqual([
    {
      id: 'm',
      to: ['ops@example.com'],
      subject: 'Report for Tuesday, 24 November 2026: 2 handled, 0 parked',
      text: expect.stringContaining('orders'),
      html: expect.stringContaining('orders'),
    },
  ]);
  expect(log).toEqual([
    { level: 'info', event: 'report sent', messageId: 'm', to: 1, complete: true, where: '250 taken' },
  ]);
});

test.each<[string, ReportMessage['payload'], string[]]>([
  ['one address', { email: 'ann@example.com' }, ['ann@example.com']],
  ['several', { email: ['ann@example.com', 'bob@example.com'] }, ['ann@example.com', 'bob@example.com']],
])('to %s goes one mail, and none to those by default', async (_, payload, to) => {
  const { sent } = await handle(payload);
  expect(sent.map((mail) => mail.to)).toEqual([to]);
});

const SHANGHAI = ['2026-11-23T16:00:00.000Z', '2026-11-24T16:00:00.000Z'];
const UTC = ['2026-11-24T00:00:00.000Z', '2026-11-25T00:00:00.000Z'];

test.each<[string, ReportMessage['payload'], Partial<ReportMessage>, string[]]>([
  ['due at midnight is about the day just over', {}, {}, UTC],
  ['due later that day, too', {}, { dueAt: DUE_AT + 86_399_999 }, UTC],
  [
    'tried again days later is about the day it was for',
    {},
    { dueAt: DUE_AT + 300_000_000, attempt: 5, first: { dueAt: DUE_AT, at: DUE_AT + 7 } },
    UTC,
  ],
  ['goes by the days of its time zone', { timezone: 'Asia/Shanghai' }, {}, SHANGHAI],
  [
    'with a period is about that',
    { from: '2026-11-01T00:00:00+01:00', to: '2026-12-01T00:00:00Z' },
    {},
    ['2026-10-31T23:00:00.000Z', '2026-12-01T00:00:00.000Z'],
  ],
])('a report %s', async (_, payload, fields, period) => {
  expect((await handle(payload, fields)).periods).toEqual([period]);
});

test('the time zone by default is the one that is configured', async () => {
  expect((await handle({}, {}, { timezone: 'Asia/Shanghai' })).periods).toEqual([SHANGHAI]);
});

const noTemplate = () => {
  throw new Error('there is no template "report", only welcome');
};

test.each<[string, Partial<ReportsOptions>, RegExp]>([
  ['without a ledger', { reporter: undefined }, /needs the ledger, which is switched off/],
  ['to nobody', { to: [] }, /nobody to send it to: .* REPORT_TO is not set/],
  ['without its template', { templates: { names: [], render: noTemplate } }, /^template report: there is no/],
])('a report %s is rejected, and nothing is sent', async (_, options, says) => {
  const { outcome, sent } = await handle({}, {}, options);
  expect([outcome, sent]).toEqual([{ kind: 'reject', error: expect.stringMatching(says) }, []]);
});

test.each<[unknown, RegExp]>([
  [{ email: 'nobody' }, /payload\.email: must be an e-mail address/],
  [{ email: [] }, /payload\.email: /],
  [{ email: Array(21).fill('a@example.com') }, /payload\.email: /],
  [{ email: 'a@example.com\r\nBcc: b@example.com' }, /payload\.email: /],
  [{ timezone: 'Mars/Olympus' }, /payload\.timezone: must be a time zone/],
  [{ from: '2026-11-01T00:00:00Z' }, /payload\.to: from and to go together/],
  [{ from: '2026-11-01T00:00:00Z', to: '2026-11-01T00:00:00Z' }, /payload\.from: must be before to/],
  [{ from: '2026-11-01T00:00:00Z', to: '2026-12-02T00:00:01Z' }, /payload\.from: .*at most 31 days/],
  [{ from: 'yesterday', to: 'today' }, /payload\.from: must be an RFC 3339/],
  [{ day: 'yesterday' }, /payload: /],
])('%j is rejected', async (payload, says) => {
  const { outcome, periods } = await handle(payload as ReportMessage['payload']);
  expect(outcome).toEqual({ kind: 'reject', error: expect.stringMatching(says) });
  expect(periods).toEqual([]);
});

test('a ledger that cannot be read for now is read again later, and nothing is sent', async () => {
  const report = () => Promise.reject(new BrokerUnavailableError('RabbitMQ at mq is not reachable for now.'));
  const { outcome, sent } = await handle({}, {}, { reporter: { report } });
  expect([outcome, sent]).toEqual([{ kind: 'retry', error: 'RabbitMQ at mq is not reachable for now.' }, []]);
});

test.each([
  ['550 for good', { responseCode: 550 }, 'reject'],
  ['452 for now', { responseCode: 452 }, 'retry'],
  ['no answer at all', {}, 'retry'],
])('a mail server that says %s', async (says, fields, kind) => {
  const answer = () => Promise.reject(Object.assign(new Error(says), fields));
  expect((await handle({}, {}, { answer })).outcome).toEqual({ kind, error: says });
});
