/** The role that handles messages: a runtime for each target, and one for the ticks of schedules. */
import { createExchangeCheck } from '../amqp/exchanges';
import { observeAcceptance } from '../changes/observe-acceptance';
import { systemClock as clock } from '../clock';
import { PROCESS_NAME } from '../config';
import { guardHandler } from '../consumers/handler';
import { createHandlers } from '../consumers/handlers';
import { runTarget, type TargetOptions, type TargetRunner } from '../consumers/runtime';
import { createTicksHandler, tickPayload } from '../consumers/ticks';
import type { Readiness } from '../http/health';
import { NO_RECORDER } from '../ledger/recorder';
import { createLedgerView } from '../ledger/view';
import { readLedgerOn, reporterWithout } from '../reports/report';
import { type Consumed, TICKS } from '../targets';
import { CONTROL } from '../topology';
import { type Parts, publishOn } from './parts';

/** Consumes these targets, once all verdicts are known. */
export async function startConsumers(parts: Parts, targets: readonly Consumed[]): Promise<Readiness> {
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
  const runners = new Map<Consumed, TargetRunner>();
  lifecycle.onEnd(async (timeoutMs) => {
    const drained = await Promise.all([...runners.values()].map((runner) => runner.drain(timeoutMs)));
    return drained.every(Boolean);
  });
  await verdicts.knownFor(clock());
  logger.info('verdicts read', { verdicts: verdicts.size() });
  for (const target of targets) {
    const own =
      target === TICKS
        ? ticksOptions(parts)
        : { handler: handlers.byTarget[target], recorder, messageLogger, ...config.targets[target] };
    runners.set(
      target,
      await runTarget({
        ...{ target, connection: reading, publisher, scheduler, verdicts, clock, metrics, logger },
        ...own,
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

/** As many as are in hand have a handler: a queue with a single active consumer has no other one to go back to. */
const TICKS_AT_ONCE = 100;
const TICK_TIMEOUT_MS = 60_000;
/** As good as for ever: a tick that is parked ends its chain until that is found to be lost. */
const TICK_RETRIES = { maxAttempts: 1_000, baseMs: 500, factor: 2, capMs: 30_000 };

type OwnOptions = Pick<
  TargetOptions,
  'handler' | 'recorder' | 'messageLogger' | 'singleActiveConsumer' | 'handlers' | 'prefetch' | 'retryPolicy'
>;

function ticksOptions(parts: Parts): OwnOptions {
  const { messageLogger, metrics, tracing, scheduler, schedules, recorder } = parts;
  const observed = observeAcceptance({ scheduler, metrics, tracing });
  const handler = createTicksHandler({
    schedules,
    scheduler: observed,
    recorder,
    clock,
    logger: messageLogger,
  });
  return {
    handler: guardHandler(tickPayload, handler, TICK_TIMEOUT_MS),
    // Ticks are the service's own affair; the ledger has the runs.
    recorder: NO_RECORDER,
    messageLogger,
    singleActiveConsumer: true,
    handlers: TICKS_AT_ONCE,
    prefetch: TICKS_AT_ONCE,
    retryPolicy: TICK_RETRIES,
  };
}
