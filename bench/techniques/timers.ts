/** One setTimeout for each message, in one process: nothing can be more punctual in Node, and nothing is kept if it ends. */
import { type Endpoint, type Handle, putEach, type SenderSide, type Technique } from './technique';

type Timers = Extract<Endpoint, { kind: 'timers' }>;

let handler: Handle | undefined;

/** Timers as a technique; both sides have to be opened in one process. */
export const timers: Technique<Timers> = {
  async openSender() {
    const put: SenderSide['put'] = async (message) => {
      setTimeout(() => void handler?.(message), message.dueAt - Date.now());
    };
    return { put, putMany: (messages) => putEach(put, messages), close: async () => {} };
  },
  async openConsumer(_endpoint, _settings, handle) {
    handler = handle;
    return { close: async () => {} };
  },
};
