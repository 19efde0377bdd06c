/** The role that handles messages: a runtime for each target. */
import { createExchangeCheck } from '../amqp/exchanges';
import { systemClock as clock } from '../clock';
import { PROCESS_NAME } from '../config';
import { createHandlers } from '../consumers/handlers';
import { runTarget, type TargetRunner } from '../consumers/runtime';
import type { Readiness } from '../http/health';
import { createLedgerView } from '../ledger/view';
import { readLedgerOn, reporterWithout } from '../reports/report';
import type { TargetName } from '../targets';
import { CONTROL } from '../topology';
import { type Parts, publishOn } from './parts';

/** Consumes these targets, once all verdicts are known. */
export async function startConsumers(parts: Parts, targets: readonly TargetName[]): Promise<Readiness> {
  const { config, logger, messageLogger, metrics, tracing, lifecycle, templates } = parts;
  const { publisher, scheduler, recorder, verdicts, reading } = parts;
  const relay = { publisher: await publishOn(parts), exchangeExists: createExchangeCheck(reading, CONTROL) };
  const { LEDGER, LEDGER_MAX: limit, ID_HOLD: idHoldMs } = config;
  const newView = () => createLedgerView({ limit, idHoldMs, clock });
  const reporter = LEDGER ? reporterWithout(newView, { read: readLedgerOn(reading), clock }) : undefined;
  const handlers = createHandlers({
    ...{ config, targets, publisher, relay, templates, reporter, tracing, clock, logger: messageLogger },
  });
  lifecycle.onEnd(handlers.close);
  const runners = new Map<TargetName, TargetRunner>();
  lifecycle.onEnd(async (timeoutMs) => {
    const drained = await Promise.all([...runners.values()].map((runner) => runner.drain(timeoutMs)));
    return drained.every(Boolean);
  });
  await verdicts.knownFor(clock());
  logger.info('verdicts read', { verdicts: verdicts.size() });
  for (const target of targets) {
    runners.set(
      target,
      await runTarget({
        target,
        handler: handlers.byTarget[target],
        connection: reading,
        ...{ publisher, scheduler, verdicts, recorder, clock, metrics, logger, messageLogger },
        ...config.targets[target],
        consumerTag: `${target}@${PROCESS_NAME}`,
      }),
    );
    logger.info('consuming', { to: target });
  }
  return () => [
    ...[...runners].filter(([, runner]) => !runner.active()).map(([target]) => `Not consuming ${target}.`),
    ...(verdicts.caughtUp() ? [] : ['Reading the verdicts on cancelled messages.']),
  ];
}
