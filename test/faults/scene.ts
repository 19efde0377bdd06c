/** A scene as a test: set up, played, judged, and its row of the table written down. */
import { appendFileSync } from 'node:fs';
import { isGood, type Judgement } from './judge';
import { type Stage, type StageOptions, setStage } from './stage';

/** How long and how hard, from the environment: FAULTS_RATE in messages a second, FAULTS_ROUNDS times the faults of a scene. */
export const FORM = {
  rate: Number(process.env.FAULTS_RATE || 200),
  rounds: Number(process.env.FAULTS_ROUNDS || 1),
};

const TIMEOUT_MS = 30 * 60_000;

/** A row of the table. */
export interface Row extends Judgement {
  readonly scene: string;
  readonly version: string;
}

/** Defines a scene. */
export function scene(
  name: string,
  play: (stage: Stage) => Promise<void>,
  options: Partial<StageOptions> = {},
): void {
  test(
    name,
    async () => {
      const stage = await setStage({ rate: FORM.rate, apis: 2, consumers: 2, ...options });
      try {
        await play(stage);
        const judgement = await stage.judge();
        if (process.env.FAULTS_TABLE) {
          const row: Row = { scene: name, version: stage.version, ...judgement };
          appendFileSync(process.env.FAULTS_TABLE, `${JSON.stringify(row)}\n`);
        }
        const { lost, early, resurrected, unexplained } = judgement;
        expect({ lost, early, resurrected, unexplained }).toEqual({
          ...{ lost: [], early: [], resurrected: [], unexplained: [] },
        });
        expect(judgement.accepted).toBeGreaterThan(0);
        expect(isGood(judgement)).toBe(true);
      } finally {
        await stage.strike();
      }
    },
    TIMEOUT_MS,
  );
}
