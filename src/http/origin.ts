/** What is remembered of the request that brings a message. */
import type { Request } from 'express';
import type { ScheduleRequest } from '../scheduler';
import { traceOf } from '../trace-context';
import { callerOf } from './authentication';
import { requestIdOf } from './request-id';

/** The trace that the request belongs to, which stays with the message, and for the log who sent it. */
export function originOf(req: Request): Pick<ScheduleRequest, 'trace' | 'askedBy'> {
  return { trace: traceOf(req.headers), askedBy: { requestId: requestIdOf(req), key: callerOf(req)?.name } };
}
