import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks the epmd on a port to end, over its own protocol. It refuses while a node is registered, which lasts
 * until it has noticed the node's end, hence the retries, for 2 s. Nothing listening there is fine: it listens for a moment after it
 * has said OK, and its port is free only then.
 */
export async function stopEpmd(port: number): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await killRequest(port);
    if (answer === undefined) return;
    await sleep(answer === 'OK' ? 20 : 100);
  }
}

function killRequest(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from([0, 1, 0x6b])));
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(answer || undefined));
  });
}
