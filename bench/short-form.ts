/**
 * The short form judges: it is to notice when something has fallen far, and never to complain of a machine that is busy. So it
 * judges only where the machine has been idle enough, and only what falls again and again.
 */

/** How a benchmark came out. */
export type Judgement = 'stands' | 'fell' | 'not judged';

const LEAST_IDLE = 0.6;
const LOOK_MS = 1_000;
const MOST_TRIES = 3;

/** What is judged, and by what. */
export interface JudgeOptions {
  /** Measures once; whether everything is within its bounds. */
  readonly measure: () => Promise<boolean>;
  /** How much of the machine is idle, looked at for so long, in milliseconds. */
  readonly idle: (forMs: number) => Promise<number>;
  readonly say: (line: string) => void;
}

/** Measures up to three times, until everything is within its bounds. */
export async function judge({ measure, idle, say }: JudgeOptions): Promise<Judgement> {
  let busy = false;
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const share = await idle(LOOK_MS);
    if (share < LEAST_IDLE) {
      busy = true;
      say(`the machine is busy: ${Math.round(share * 100)} % of it is idle`);
    }
    if (await measure()) return 'stands';
    if (tries < MOST_TRIES) say('beyond its bounds: once more');
  }
  return busy ? 'not judged' : 'fell';
}
