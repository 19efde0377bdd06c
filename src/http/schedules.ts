/** Schedules: what runs again and again. */
import type { Request } from 'express';
import { isoTime } from '../clock';
import { BrokenScheduleError, UnknownScheduleError } from '../errors';
import { definitionSchema, scheduleName } from '../schedules/definition';
import type { BrokenSchedule, Schedule } from '../schedules/memory';
import { nextTimes } from '../schedules/plan';
import { runId, runKey } from '../schedules/runs';
import { payloadSchemas } from '../targets';
import { mayUse, requireTarget } from './authentication';
import { checkPayload, shownAccepted } from './messages';
import { originOf } from './origin';
import type { RouteOptions, Routes } from './routes';
import { faultsOf, InvalidRequestError, validBody } from './validation';

/** Runs that are shown ahead. */
const NEXT_SHOWN = 5;

/** `/v1/schedules` and what is below it. */
export function scheduleRoutes(
  options: Pick<RouteOptions, 'schedules' | 'acceptance' | 'clock' | 'templateNames'>,
): Routes {
  const { schedules, acceptance, clock, templateNames } = options;
  const payloads = payloadSchemas(templateNames);

  /** What has this name as of now, if the request's caller may use it. */
  async function find(req: Request, name: string): Promise<Schedule | BrokenSchedule | undefined> {
    await schedules.known();
    const schedule = schedules.get(name);
    if (schedule) requireTarget(req, targetOf(schedule));
    return schedule;
  }

  async function requireSchedule(req: Request): Promise<Schedule | BrokenSchedule> {
    const name = nameIn(req);
    const schedule = await find(req, name);
    if (schedule) return schedule;
    throw new UnknownScheduleError(name);
  }

  return {
    '/v1/schedules': {
      get: async (req, res) => {
        await schedules.known();
        const allowed = schedules.all().filter((schedule) => mayUse(req, targetOf(schedule)));
        res.json({ schedules: allowed.map(shown) });
      },
    },
    '/v1/schedules/:name': {
      put: async (req, res) => {
        const name = nameIn(req);
        const body = validBody(definitionSchema, req.body, (given) => checkPayload(payloads, given).faults);
        requireTarget(req, body.to);
        await find(req, name);
        const payload = payloads[body.to].parse(body.payload);
        const { schedule, outcome } = await schedules.put(name, { ...body, payload });
        res.status(outcome === 'created' ? 201 : 200).json(shown(schedule));
      },
      get: async (req, res) => {
        res.json(shown(await requireSchedule(req)));
      },
      delete: async (req, res) => {
        const { name } = await requireSchedule(req);
        await schedules.remove(name);
        res.json({ name, status: 'deleted' });
      },
    },
    '/v1/schedules/:name/run-now': {
      post: async (req, res) => {
        const schedule = await requireSchedule(req);
        const { name } = schedule;
        if ('fault' in schedule)
          throw new BrokenScheduleError(`The schedule "${name}" cannot be read here: ${schedule.fault}`);
        const { to, payload } = schedule.definition;
        const dueAt = clock();
        const accepted = await acceptance.accept({ to, payload, dueAt, key: runKey(name), ...originOf(req) });
        res
          .status(202)
          .location(`/v1/messages/${accepted.id}`)
          .json(shownAccepted({ ...accepted, to }));
      },
    },
  };
}

/**
 * The name in the path.
 *
 * @throws InvalidRequestError for what cannot be one
 */
function nameIn({ params: { name } }: Request): string {
  const { data, error } = scheduleName.safeParse(name, { reportInput: true });
  if (error) throw new InvalidRequestError(faultsOf(error, ['path', 'name']));
  return data;
}

/** The target that a schedule is for; one that cannot be read may be for any. */
function targetOf({ definition }: Schedule | BrokenSchedule): string {
  const { to } = Object(definition) as { to?: unknown };
  return typeof to === 'string' ? to : 'a target that cannot be read';
}

function shown(schedule: Schedule | BrokenSchedule) {
  const { name, createdAt, putAt, done } = schedule;
  const next = nextTimes(schedule, NEXT_SHOWN);
  return {
    name,
    status: statusOf(schedule, next),
    ...('fault' in schedule
      ? { definition: schedule.definition, error: schedule.fault }
      : schedule.definition),
    created_at: isoTime(createdAt),
    updated_at: isoTime(putAt),
    last_runs: (done?.runs ?? []).map((at) => ({ at: isoTime(at), id: runId(name, at) })),
    next_runs: next.map(isoTime),
  };
}

function statusOf(schedule: Schedule | BrokenSchedule, next: readonly number[]): string {
  if ('fault' in schedule) return 'broken';
  if (schedule.definition.paused) return 'paused';
  return next.length > 0 ? 'active' : 'ended';
}
