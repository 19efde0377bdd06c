import { bare } from './bare';
import { bullmq } from './bullmq';
import { ours } from './ours';
import type { ConsumerSettings, ConsumerSide, Endpoint, Handle, SenderSide, Technique } from './technique';
import { timers } from './timers';

/** Each technique by its kind. */
const TECHNIQUES: { readonly [E in Endpoint as E['kind']]: Technique<E> } = { ours, bare, bullmq, timers };

const techniqueOf = ({ kind }: Endpoint) => TECHNIQUES[kind] as Technique<Endpoint>;

/** Opens the sending side of an endpoint. */
export function openSender(endpoint: Endpoint, settings: ConsumerSettings): Promise<SenderSide> {
  return techniqueOf(endpoint).openSender(endpoint, settings);
}

/** Opens the consuming side of an endpoint. */
export function openConsumer(
  endpoint: Endpoint,
  settings: ConsumerSettings,
  handle: Handle,
): Promise<ConsumerSide> {
  return techniqueOf(endpoint).openConsumer(endpoint, settings, handle);
}
