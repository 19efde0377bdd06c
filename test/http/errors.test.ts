import { BrokerUnavailableError, OutcomeUnknownError, PublishRefusedError } from '../../src/errors';
import { ACCEPTED_BODIES, type Api, startApi } from './api';

let thrown: unknown;
let api: Api;
beforeAll(async () => {
  api = await startApi({
    before: () => {
      throw thrown;
    },
  });
});
afterAll(() => api.close());

describe.each(Object.entries(ACCEPTED_BODIES))('POST %s', (path, body) => {
  test.each([
    [new BrokerUnavailableError('RabbitMQ at mq is not reachable for now.'), 'broker-unavailable'],
    [new PublishRefusedError('RabbitMQ at mq did not accept the message.'), 'publish-refused'],
    [new OutcomeUnknownError('RabbitMQ at mq did not confirm within 5 ms.'), 'outcome-unknown'],
  ])('%s becomes a 503 that says when to try again', async (error, kind) => {
    thrown = error;
    const answer = await api.post(path, body);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Retry-After')).toBe('1');
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      type: `urn:delay-broker:problem:${kind}`,
      status: 503,
      detail: expect.stringContaining(error.message),
    });
    expect(api.log.lines.at(-1)).toMatchObject({
      level: 'warn',
      path,
      reason: kind,
      error: error.message,
      requestId: answer.headers.get('X-Request-Id'),
    });
  });

  test.each([
    [new Error('secret')],
    [new TypeError('secret', { cause: new Error('secret') })],
    [Object.assign(new Error('secret'), { status: 502 })],
    ['secret'],
    [undefined],
  ])('%p becomes a 500 that tells nothing but where it is in the log', async (error) => {
    thrown = error;
    const answer = await api.post(path, body);
    expect(answer.status).toBe(500);
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(answer.text).not.toContain('secret');
    const errorId = answer.body.error_id;
    expect(answer.body.detail).toBe(`It is in the log under ${errorId}.`);
    const logged = api.log.lines.filter((line) => line.errorId === errorId);
    const requestId = answer.headers.get('X-Request-Id');
    expect(logged).toEqual([
      expect.objectContaining({ level: 'error', event: 'unexpected error', path, requestId }),
    ]);
    if (error) expect(logged[0]?.error).toContain('secret');
  });
});
