/** The role that takes requests. */
import { offerForDuty } from '../amqp/single-active';
import { type Acceptance, createAcceptance } from '../changes/acceptance';
import { createCancellation } from '../changes/cancellation';
import { observeAcceptance } from '../changes/observe-acceptance';
import { createOwedVerdicts } from '../changes/owed-verdicts';
import { createReplacement } from '../changes/replacement';
import { createRescheduling } from '../changes/rescheduling';
import { systemClock as clock } from '../clock';
import { type Config, PROCESS_NAME } from '../config';
import { logAccepted } from '../http/accepted-log';
import { type AccessOptions, createApp } from '../http/app';
import type { Readiness } from '../http/health';
import { type HttpServer, serveHttp } from '../http/server';
import { type Ledger, openLedger } from '../ledger/ledger';
import { keepLedger } from '../ledger/renewal';
import { createParkingLot } from '../parking-lot';
import { offeredTemplates } from '../reports/mail';
import { readLedgerOn, reporterBeside } from '../reports/report';
import { LEDGER_KEEPER } from '../topology';
import type { Parts } from './parts';

/** Serves the API. */
export async function startApi(parts: Parts, readiness: Readiness): Promise<HttpServer> {
  const { config, logger, messageLogger, metrics, tracing, lifecycle, templates } = parts;
  const { publisher, scheduler, recorder, verdicts, schedules, reading } = parts;
  const { CANCEL_GUARD: guardMs, HTTP_HOST: host, HTTP_PORT: port, MAX_CONNECTIONS: connections } = config;
  const owed = createOwedVerdicts({ verdicts, clock, logger });
  lifecycle.onEnd(owed.close);
  let acceptance: Acceptance | undefined;
  const ledger = config.LEDGER
    ? await openLedger({
        connection: reading,
        ...{ publisher, verdicts, clock, logger },
        limit: config.LEDGER_MAX,
        idHoldMs: config.ID_HOLD,
        consumerTag: `ledger@${PROCESS_NAME}`,
        onEntry: (entry, placed, record) => {
          owed.note(entry, placed, record);
          acceptance?.note(entry);
        },
      })
    : undefined;
  if (ledger) {
    lifecycle.onEnd(ledger.close);
    await offerToKeep(ledger, parts);
    metrics.observe('delay_broker_ledger_entries', () => ledger.view().size());
    metrics.observe('delay_broker_ledger_limit', () => config.LEDGER_MAX);
    metrics.observe('delay_broker_ledger_full', () => Number(ledger.view().full()));
  }
  const observed = logAccepted(observeAcceptance({ scheduler, metrics, tracing }), messageLogger);
  acceptance = createAcceptance({ scheduler: observed, recorder, ledger, verdicts, clock, guardMs });
  const cancellation = createCancellation({ ledger, verdicts, owed, clock, guardMs });
  const app = createApp({
    ...{ acceptance, cancellation },
    rescheduling: createRescheduling({ ledger, scheduler, owed, clock, guardMs }),
    replacement: ledger && createReplacement({ ledger, acceptance, cancellation, clock }),
    parkingLot: createParkingLot({ connection: reading, scheduler, recorder, clock, logger }),
    reporter: ledger && reporterBeside(ledger, { read: readLedgerOn(reading), clock }),
    ...{ schedules, ledger, clock, metrics, logger },
    templateNames: offeredTemplates(templates.names),
    batchMaxBytes: config.BATCH_MAX_BYTES,
    access: accessOf(config),
    readiness: () => [...readiness(), ...(ledger?.caughtUp() === false ? ['Reading the ledger.'] : [])],
  });
  return serveHttp(app, { host, port, limits: { connections }, logger });
}

function accessOf({ API_KEYS, PUBLIC_PATHS, RATE_LIMIT, TRUST_PROXY }: Config): AccessOptions {
  return {
    keys: API_KEYS ?? [],
    publicPaths: PUBLIC_PATHS,
    rateLimit: RATE_LIMIT,
    trustedProxies: TRUST_PROXY,
  };
}

/** Offers this process to keep what waits in the ledger from being cut off. */
async function offerToKeep(ledger: Ledger, parts: Parts): Promise<void> {
  const { logger, lifecycle, publisher, reading: connection } = parts;
  const duty = await offerForDuty({
    ...{ connection, publisher, logger },
    queue: LEDGER_KEEPER,
    exchange: LEDGER_KEEPER,
    consumerTag: `ledger-keeper@${PROCESS_NAME}`,
    onDuty: (signal) => keepLedger({ ledger, connection, clock, logger }, signal),
  });
  lifecycle.onEnd(duty.close);
}
