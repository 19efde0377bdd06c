/** A scene as a test: set up, played, judged, and its row of the table written down. */
import { appendFileSync } from 'node:fs';
import { type SceneBroker, startOneNode, startThreeNodes, startTwoBrokers } from './brokers';
import { isGood, type Judgement } from './judge';
import { type CommonStage, type Stage, type StageOptions, setStage } from './stage';

/**
 * How long and how hard, from the environment: FAULTS_RATE in messages a second, FAULTS_ROUNDS times the faults of a scene, FAULTS_SKEW_MINUTES
 * that a clock is wrong by, FAULTS_STEP_MINUTES that clocks are put forward and back by, FAULTS_SOAK_MINUTES, FAULTS_PENDING messages at once,
 * and FAULTS_MOVED that wait while one broker is left for another. FAULTS_LOGS is a folder for the logs of all processes.
 */
export const FORM = {
  rate: Number(process.env.FAULTS_RATE || 200),
  rounds: Number(process.env.FAULTS_ROUNDS || 1),
  skewMinutes: Number(process.env.FAULTS_SKEW_MINUTES || 5),
  stepMinutes: Number(process.env.FAULTS_STEP_MINUTES || 60),
  soakMinutes: Number(process.env.FAULTS_SOAK_MINUTES || 30),
  pending: Number(process.env.FAULTS_PENDING || 1_000_000),
  moved: Number(process.env.FAULTS_MOVED || 100_000),
};

const TIMEOUT_MS = 30 * 60_000;

/** A row of the table. */
export interface Row extends Judgement {
  readonly scene: string;
  readonly version: string;
  readonly notes: readonly string[];
}

/** Options of a scene. */
export interface SceneOptions extends Partial<StageOptions> {
  /** In milliseconds; default half an hour. */
  readonly timeoutMs?: number;
}

/** Defines a scene on one node. */
export const scene = sceneOn(startOneNode);

/** Defines a scene on a cluster of three nodes. */
export const clusterScene = sceneOn(startThreeNodes);

/** Defines a scene that leaves one broker for another. */
export const transferScene = sceneOn(startTwoBrokers);

function sceneOn<Own>(startBroker: () => Promise<SceneBroker<Own>>) {
  return (
    name: string,
    play: (stage: Stage<Own>) => Promise<void>,
    { timeoutMs = TIMEOUT_MS, ...options }: SceneOptions = {},
  ): void => {
    test(
      name,
      async () => {
        const broker = await startBroker();
        try {
          const stage = await setStage(broker, { rate: FORM.rate, apis: 2, consumers: 2, ...options });
          try {
            await play(stage);
            report(name, stage, await stage.judge());
          } finally {
            await stage.strike();
          }
        } finally {
          await broker.end();
        }
      },
      timeoutMs,
    );
  };
}

/** Adds a row to the table, and fails unless it is good. */
function report(
  scene: string,
  { version, notes, findings }: Pick<CommonStage, 'version' | 'notes' | 'findings'>,
  judgement: Judgement,
): void {
  if (process.env.FAULTS_TABLE) {
    const row: Row = { scene, version, notes, ...judgement };
    appendFileSync(process.env.FAULTS_TABLE, `${JSON.stringify(row)}\n`);
  }
  const { lost, early, resurrected, unexplained } = judgement;
  expect({ lost, early, resurrected, unexplained }).toEqual({
    ...{ lost: [], early: [], resurrected: [], unexplained: [] },
  });
  expect(findings).toEqual([]);
  expect(judgement.accepted).toBeGreaterThan(0);
  expect(isGood(judgement)).toBe(true);
}
