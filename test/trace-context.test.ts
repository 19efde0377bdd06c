import fc from 'fast-check';
import { traceOf, withTrace } from '../src/trace-context';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;

test.each([
  ['sampled', traceparent, traceparent],
  ['not sampled', `00-${TRACE_ID}-${PARENT_ID}-00`, `00-${TRACE_ID}-${PARENT_ID}-00`],
  ['with blanks around it', ` ${traceparent} `, traceparent],
  ['with flags that nobody knows', `00-${TRACE_ID}-${PARENT_ID}-ff`, `00-${TRACE_ID}-${PARENT_ID}-03`],
  ['of a later version', `cc-${TRACE_ID}-${PARENT_ID}-01`, traceparent],
  ['of a later version with more in it', `01-${TRACE_ID}-${PARENT_ID}-01-what-comes`, traceparent],
])('a traceparent %s is read', (_, given, expected) => {
  expect(traceOf({ traceparent: given })).toEqual({ traceparent: expected });
});

test.each([
  ['none', undefined],
  ['an empty one', ''],
  ['a number', 1],
  ['two of them', `${traceparent}, ${traceparent}`],
  ['the version that may not be', `ff-${TRACE_ID}-${PARENT_ID}-01`],
  ['capital letters', traceparent.toUpperCase()],
  ['more than its version has', `${traceparent}-more`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT_ID}-01`],
  ['a span id of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
  ['a trace id too short', `00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
  ['a line break', `${traceparent}\r\nx: y`],
])('%s is no trace, and its tracestate counts for nothing', (_, given) => {
  expect(traceOf({ traceparent: given, tracestate: 'a=1' })).toBeUndefined();
});

test.each([
  ['a member', 'congo=t61rcWkgMzE', 'congo=t61rcWkgMzE'],
  ['several, with blanks', 'rojo=00f067aa0ba902b7 ,\tcongo=t61', 'rojo=00f067aa0ba902b7,congo=t61'],
  ['empty members', 'a=1,,b=2,', 'a=1,b=2'],
  ['a multi-tenant key', '1a-2@sys=x y', '1a-2@sys=x y'],
  ['nothing', '', undefined],
  ['no value', 'a=', undefined],
  ['a value that has an equals sign', 'a=b=c', undefined],
  ['a key with capitals', 'A=1', undefined],
  ['the same key twice', 'a=1,a=2', undefined],
  ['what cannot be printed', 'a=1,b=\u0007', undefined],
  ['33 members', Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','), undefined],
  ['no text', ['a=1'], undefined],
])('a tracestate of %s', (_, given, expected) => {
  expect(traceOf({ traceparent, tracestate: given })).toEqual({
    traceparent,
    ...(expected !== undefined && { tracestate: expected }),
  });
});

test('of a tracestate that is too long the first members are kept, whole', () => {
  const members = Array.from({ length: 30 }, (_, i) => `key-${i}=${'x'.repeat(30)}`);
  const tracestate = traceOf({ traceparent, tracestate: members.join(',') })?.tracestate ?? '';
  expect(tracestate.length).toBeLessThanOrEqual(512);
  expect(tracestate.length).toBeGreaterThan(450);
  expect(members.join(',').startsWith(`${tracestate},`)).toBe(true);
});

test('what was read once is read to the same again', () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
  fc.assert(
    fc.property(
      hex(2),
      hex(32),
      hex(16),
      hex(2),
      fc.string(),
      (version, traceId, spanId, flags, tracestate) => {
        const trace = traceOf({ traceparent: `${version}-${traceId}-${spanId}-${flags}`, tracestate });
        if (trace) expect(traceOf({ ...trace })).toEqual(trace);
      },
    ),
  );
});

test.each([
  ['nothing else', {}, { traceparent, tracestate: 'a=1' }],
  ['others', { tenant: 7 }, { tenant: 7, traceparent, tracestate: 'a=1' }],
  ['a trace of their own', { traceparent: 'mine' }, { traceparent: 'mine' }],
])('to headers with %s a trace is added unless there is one', (_, headers, expected) => {
  expect(withTrace(headers, { traceparent, tracestate: 'a=1' })).toEqual(expected);
  expect(withTrace(headers, undefined)).toEqual(headers);
});
