/** A scene as a test: set up, played, judged, and its row of the table written down. */
import { appendFileSync } from 'node:fs';
import { type SceneBroker, startOneNode, startThreeNodes } from './brokers';
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

/** Defines a scene on one node. */
export const scene = sceneOn(startOneNode);

/** Defines a scene on a cluster of three nodes. */
export const clusterScene = sceneOn(startThreeNodes);

function sceneOn<Own>(startBroker: () => Promise<SceneBroker<Own>>) {
  return (
    name: string,
    play: (stage: Stage<Own>) => Promise<void>,
    options: Partial<StageOptions> = {},
  ): void => {
    test(
      name,
      async () => {
        const broker = await startBroker();
        try {
          const stage = await setStage(broker, { rate: FORM.rate, apis: 2, consumers: 2, ...options });
          try {
            await play(stage);
            report(name, stage.version, await stage.judge());
          } finally {
            await stage.strike();
          }
        } finally {
          await broker.end();
        }
      },
      TIMEOUT_MS,
    );
  };
}

/** Adds a row to the table, and fails unless it is good. */
function report(scene: string, version: string, judgement: Judgement): void {
  if (process.env.FAULTS_TABLE) {
    const row: Row = { scene, version, ...judgement };
    appendFileSync(process.env.FAULTS_TABLE, `${JSON.stringify(row)}\n`);
  }
  const { lost, early, resurrected, unexplained } = judgement;
  expect({ lost, early, resurrected, unexplained }).toEqual({
    ...{ lost: [], early: [], resurrected: [], unexplained: [] },
  });
  expect(judgement.accepted).toBeGreaterThan(0);
  expect(isGood(judgement)).toBe(true);
}
