import {
  accessPermissions,
  apiAccess,
  bootstrapPermissions,
  consumersAccess,
  type Permissions,
} from '../src/permissions';
import { delayTopology } from '../src/topology';

const users: Record<string, Permissions> = {
  bootstrap: bootstrapPermissions(delayTopology()),
  api: accessPermissions(apiAccess({ ledger: true })),
  consumers: accessPermissions(consumersAccess({ ledger: true })),
  'consumers of mails': accessPermissions(consumersAccess({ ledger: false, targets: ['emails'] })),
  'consumers of mails, with a ledger': accessPermissions(
    consumersAccess({ ledger: true, targets: ['emails'] }),
  ),
  'consumers of reports': accessPermissions(consumersAccess({ ledger: true, targets: ['reports'] })),
};

/** Every name that there is, some that look like it, and those of others. */
const NAMES = [
  ...[...delayTopology().exchanges, ...delayTopology().queues].map(({ name }) => name),
  ...[
    'delay_in',
    'delay.in.x',
    'xdelay.in',
    'delay.hold.',
    'delay.hold.1s.x',
    'delay.holdx1s',
    'delay.level.9',
  ],
  ...['order', 'orders.', 'orders.parked2', 'delay.feature-probe', 'amq.default', 'amq.topic', 'shop', ''],
];

/** What of the names a pattern matches, the holding queues as one. */
function matched(user: string, right: keyof Permissions): string[] {
  const names = NAMES.filter((name) => new RegExp(users[user]?.[right] ?? 'no such user').test(name));
  const holding = names.filter((name) => name.startsWith('delay.hold.'));
  if (holding.length > 0) expect(holding).toHaveLength(180);
  const others = names.filter((name) => !holding.includes(name));
  return [...new Set([...others, ...(holding.length > 0 ? ['HOLDING'] : [])])].sort();
}

const TARGETS = ['orders', 'emails', 'webhooks', 'relay', 'reports', 'ticks'];
const PARKED = TARGETS.map((target) => `${target}.parked`);
const LEVELS = ['100d', '10d', '1d', '1h', '1m', '1s', '100ms'].map((unit) => `delay.level.${unit}`);
const STREAMS = ['delay.control', 'delay.ledger'];
const WHEEL = ['delay.in', ...LEVELS, 'delay.due', 'HOLDING'];

test.each<[string, keyof Permissions, string[]]>([
  [
    'bootstrap',
    'configure',
    [
      ...[...WHEEL, ...TARGETS, ...PARKED, ...STREAMS, 'delay.keeper', 'delay.ledger-keeper'],
      ...['delay.parked', 'delay.events', 'delay.unroutable', 'delay.feature-probe'],
    ],
  ],
  [
    'bootstrap',
    'write',
    [
      ...[
        ...LEVELS,
        'delay.due',
        'HOLDING',
        ...TARGETS,
        ...PARKED,
        ...STREAMS,
        'delay.keeper',
        'delay.ledger-keeper',
      ],
      ...['delay.in', 'delay.parked', 'delay.unroutable'],
    ],
  ],
  [
    'bootstrap',
    'read',
    [
      ...WHEEL,
      ...TARGETS,
      ...STREAMS,
      'delay.keeper',
      'delay.ledger-keeper',
      'delay.parked',
      'delay.unroutable',
    ],
  ],
  ['api', 'configure', ['']],
  ['api', 'write', ['delay.in', ...STREAMS, 'delay.keeper', 'delay.ledger-keeper']],
  ['api', 'read', [...PARKED, 'delay.unroutable', ...STREAMS, 'delay.keeper', 'delay.ledger-keeper']],
  ['consumers', 'configure', ['']],
  ['consumers', 'write', ['delay.in', 'delay.parked', 'delay.events', ...STREAMS, 'delay.keeper']],
  ['consumers', 'read', [...TARGETS, ...STREAMS, 'delay.keeper']],
  [
    'consumers of mails',
    'write',
    ['delay.in', 'delay.parked', 'delay.events', 'delay.control', 'delay.keeper'],
  ],
  ['consumers of mails', 'read', ['emails', 'delay.control', 'delay.keeper']],
  ['consumers of mails, with a ledger', 'read', ['emails', 'delay.control', 'delay.keeper']],
  ['consumers of reports', 'read', ['reports', ...STREAMS, 'delay.keeper']],
])('%s may %s exactly that', (user, right, names) => {
  expect(matched(user, right)).toEqual([...names].sort());
});

test.each(['shop.events', 'a+b(c)', '^$', 'x|y', '[z]', 'back\\slash', '*'])(
  'a name is taken literally: %s',
  (name) => {
    const { write } = accessPermissions({ write: ['first', name], read: [] });
    expect(new RegExp(write).test(name)).toBe(true);
    expect(
      ['', 'shopXevents', 'aab(c)', 'x', 'y', 'z', `${name}x`].filter((each) => new RegExp(write).test(each)),
    ).toEqual([]);
  },
);
