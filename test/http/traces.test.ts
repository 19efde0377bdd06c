import { ACCEPTED_BODIES, type Api, PATHS, startApi } from './api';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const tracestate = 'congo=t61rcWkgMzE';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

describe.each(PATHS)('POST %s', (path) => {
  let sent = 0;
  /** An order, or a meeting, that was sent before would not be accepted anew. */
  const anotherBody = () => {
    const body = ACCEPTED_BODIES[path] ?? {};
    const own = ['order_id', 'meeting_id'].find((field) => field in body);
    return own === undefined ? body : { ...body, [own]: `${path} ${++sent}` };
  };
  const traceOfAccepted = async (headers: Record<string, string>) => {
    const { status, headers: answered } = await api.post(path, anotherBody(), headers);
    expect([status, answered.get('Idempotent-Replayed')]).toEqual([202, null]);
    return api.scheduled.at(-1)?.trace;
  };

  test("a message belongs to its request's trace", async () => {
    expect(await traceOfAccepted({ traceparent, tracestate })).toEqual({ traceparent, tracestate });
    expect(await traceOfAccepted({ TraceParent: traceparent })).toEqual({ traceparent });
  });

  test.each<[string, Record<string, string>]>([
    ['no', {}],
    ['a malformed', { traceparent: '00-1-2-3', tracestate }],
    ['half a', { tracestate }],
  ])('with %s trace it is accepted all the same, and belongs to none', async (_, headers) => {
    expect(await traceOfAccepted(headers)).toBeUndefined();
  });
});
