/** A process that sends messages or has them handled, by any technique: the same one for the product and for its peers. */
import { createFineClock } from '../fine-clock';
import type { ConsumerSettings, ConsumerSide, Endpoint, SenderSide } from '../techniques/technique';
import { openConsumer, openSender } from '../techniques/techniques';
import { createRecording, type Recording, type Work } from './recording';
import { type FillSettings, fill, type PaceSettings, pace } from './sending';
import { serve } from './served';

/** What both sides are opened with. */
export interface PartySettings extends ConsumerSettings, Work {
  readonly endpoint: Endpoint;
}

let sender: SenderSide | undefined;
let consumer: ConsumerSide | undefined;
let recording: Recording | undefined;

function opened<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('not opened yet');
  return part;
}

serve({
  async openSender({ endpoint, ...settings }: PartySettings) {
    sender = await openSender(endpoint, settings);
  },
  async openConsumer({ endpoint, waitMs, failures, ...settings }: PartySettings) {
    recording = createRecording({ waitMs, failures }, createFineClock());
    consumer = await openConsumer(endpoint, settings, recording.handle);
  },
  pace: (settings: PaceSettings) => pace(opened(sender), settings),
  fill: (settings: FillSettings) => fill(opened(sender), settings),
  count: () => opened(recording).count(),
  taken: () => opened(recording).taken(),
  reset: () => opened(recording).reset(),
  async close() {
    await consumer?.close();
    await sender?.close();
  },
});
