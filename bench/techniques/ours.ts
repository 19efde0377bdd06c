/**
 * The product, put together as its processes put themselves together (src/roles), with two differences: messages come in
 * without HTTP, and the handler only records. The real one publishes or calls, which an empty job of a peer's does not.
 */
import { createAcceptance } from '../../src/changes/acceptance';
import { observeAcceptance } from '../../src/changes/observe-acceptance';
import { systemClock as clock } from '../../src/clock';
import { type Config, loadConfig, PROCESS_NAME } from '../../src/config';
import { guardHandler, traceHandler } from '../../src/consumers/handler';
import { done } from '../../src/consumers/outcome';
import { runTarget } from '../../src/consumers/runtime';
import { logAccepted } from '../../src/http/accepted-log';
import { openLedger } from '../../src/ledger/ledger';
import { createLifecycle } from '../../src/lifecycle';
import { createLogger } from '../../src/logger';
import { type Parts, type Role, startParts } from '../../src/roles/parts';
import { TARGETS } from '../../src/targets';
import { type ConsumerSettings, type Endpoint, putEach, type SenderSide, type Technique } from './technique';

type Ours = Extract<Endpoint, { kind: 'ours' }>;

const TARGET = 'webhooks';
const END_TIMEOUT_MS = 5_000;

/** The product as a technique. */
export const ours: Technique<Ours> = {
  async openSender(endpoint, settings) {
    const parts = await startedParts({ name: 'api', targets: [] }, endpoint, settings);
    const { accept } = await acceptanceOf(parts);
    const put: SenderSide['put'] = async ({ payload, dueAt }) => {
      await accept({ to: TARGET, payload, dueAt });
    };
    return {
      put,
      putMany: (messages) => putEach(put, messages),
      close: () => end(parts),
    };
  },

  async openConsumer(endpoint, settings, handle) {
    const parts = await startedParts({ name: 'consumers', targets: [TARGET] }, endpoint, settings);
    const { config, tracing, metrics, logger, messageLogger, lifecycle } = parts;
    const { publisher, scheduler, recorder, verdicts, reading } = parts;
    const handler = guardHandler(
      TARGETS[TARGET],
      async ({ payload, dueAt }) => {
        await handle({ payload: payload as never, dueAt });
        return done;
      },
      config.targets[TARGET].handlerTimeoutMs,
    );
    await verdicts.knownFor(clock());
    const runner = await runTarget({
      target: TARGET,
      handler: traceHandler(handler, tracing),
      connection: reading,
      ...{ publisher, scheduler, verdicts, recorder, clock, metrics, logger, messageLogger },
      ...config.targets[TARGET],
      consumerTag: `${TARGET}@${PROCESS_NAME}`,
    });
    lifecycle.onEnd(runner.drain);
    return { close: () => end(parts) };
  },
};

async function end({ lifecycle }: Parts): Promise<void> {
  await lifecycle.end(END_TIMEOUT_MS);
}

function startedParts(role: Role, endpoint: Ours, settings: ConsumerSettings): Promise<Parts> {
  const config = configOf(endpoint, settings);
  const logger = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  return startParts(role, config, logger, createLifecycle(logger));
}

/** The defaults, but for what is logged of each message: the peers log nothing. */
function configOf({ amqpUrl, ledger }: Ours, { handlers, attempts }: ConsumerSettings): Config {
  return loadConfig({
    AMQP_URL: amqpUrl,
    LEDGER: ledger ? 'on' : 'off',
    HANDLERS: String(handlers),
    RETRY_ATTEMPTS: String(attempts),
    RETRY_BASE_MS: '0',
    LOG_LEVEL: 'warn',
    LOG_SAMPLE: '0',
    LOG_FORMAT: 'pretty',
  });
}

/** As an API process accepts: it also reads the ledger, all the time. */
async function acceptanceOf(parts: Parts) {
  const { config, publisher, recorder, verdicts, reading: connection, logger, lifecycle } = parts;
  const scheduler = logAccepted(observeAcceptance(parts), parts.messageLogger);
  const ledger = config.LEDGER
    ? await openLedger({
        ...{ connection, publisher, verdicts, clock, logger },
        limit: config.LEDGER_MAX,
        idHoldMs: config.ID_HOLD,
        consumerTag: `ledger@${PROCESS_NAME}`,
        onEntry: (entry) => acceptance.note(entry),
      })
    : undefined;
  if (ledger) lifecycle.onEnd(ledger.close);
  const acceptance = createAcceptance({
    ...{ scheduler, recorder, ledger, verdicts, clock },
    guardMs: config.CANCEL_GUARD,
  });
  return acceptance;
}
