/** How far a transfer is, in words: one line that is written over at a terminal, and every few seconds elsewhere. */
import type { PlaceKind } from './places';

/** What a transfer has done so far. */
export interface Tally {
  /** Entries copied, by stream. */
  readonly copied: Readonly<Record<string, number>>;
  readonly moved: Readonly<Record<PlaceKind, number>>;
  /** Messages that the old broker still has ready in its queues; undefined where nothing is moved. */
  readonly waiting: number | undefined;
  /** Messages that cannot be moved. */
  readonly left: number;
}

/** The tally in one line. */
export function tallyLine({ copied, moved, waiting, left }: Tally): string {
  const streams = Object.entries(copied).map(([stream, count]) => `${number(count)} entries of ${stream}`);
  const { pending, parked, unroutable } = moved;
  const messages = [
    `${number(pending)} pending`,
    `${number(parked)} parked`,
    `${number(unroutable)} unroutable`,
  ].join(', ');
  return [
    ...(streams.length > 0 ? [`copied ${streams.join(', ')}`] : []),
    ...(waiting === undefined ? [] : [`moved ${messages}; ${number(waiting)} to go`]),
    ...(left > 0 ? [`${number(left)} cannot be moved`] : []),
  ].join('; ');
}

const number = (value: number) => value.toLocaleString('en-US');

/** Shows the tally again and again. */
export interface ProgressLine {
  /** Writes a line that stays. */
  say(text: string): void;
  /** Stops, and leaves the last state standing. */
  stop(): Promise<void>;
}

const TERMINAL_EVERY_MS = 500;
const ELSEWHERE_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\x1b[K';

/** Shows it on this stream until it is stopped. */
export function showProgress(output: NodeJS.WriteStream, tally: () => Promise<Tally>): ProgressLine {
  const terminal = output.isTTY === true;
  const show = async () => {
    const line = `transfer: ${tallyLine(await tally())}`;
    output.write(terminal ? `${CLEAR_LINE}${line}` : `${line}\n`);
  };
  let showing = Promise.resolve();
  const timer = setInterval(
    () => {
      showing = showing.then(show).catch(() => {}); // the broker is away, and its return is waited for
    },
    terminal ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS,
  );
  return {
    say: (text) => void output.write(`${terminal ? CLEAR_LINE : ''}transfer: ${text}\n`),
    async stop() {
      clearInterval(timer);
      await showing;
      await show().catch(() => {});
      if (terminal) output.write('\n');
    },
  };
}
