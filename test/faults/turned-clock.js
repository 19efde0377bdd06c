// @ts-check
/**
 * Preloaded into a process (node --require): its time of day is ahead by what a test says, and its HTTP calls say what time it has. Timers
 * and performance.now() go on, as they do when the clock of a machine is set.
 */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { subscribe } = require('node:diagnostics_channel');

const file = join(process.env.CLOCK_FOLDER ?? '', String(process.pid));
const machineNow = Date.now;
let aheadMs = 0;
const now = () => machineNow() + aheadMs;

Date.now = now;
global.Date = new Proxy(Date, {
  construct: (real, args, target) => Reflect.construct(real, args.length === 0 ? [now()] : args, target),
});

process.on('SIGUSR2', () => {
  ({ aheadMs } = JSON.parse(readFileSync(file, 'utf8')));
  process.stdout.write(`${JSON.stringify({ message: 'clock turned', aheadMs, at: machineNow() })}\n`);
});

subscribe('undici:request:create', (message) => {
  const { request } = /** @type {{ request: { addHeader(name: string, value: string): void } }} */ (message);
  request.addHeader('x-clock', String(now()));
});
