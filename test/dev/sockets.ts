import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A socket that listens. */
export interface ListeningSocket {
  readonly port: number;
  /** Whether only this machine can reach it. */
  readonly loopback: boolean;
}

const LISTENING = '0A';
// As /proc/net writes 127.0.0.1 and ::1 on a little-endian machine.
const LOOPBACK = ['0100007F', '00000000000000000000000001000000'];

/** The TCP sockets on which a process listens, and all that listen on `alsoPort`. Linux only. */
export function listeningAddresses(pid: number, alsoPort: number): ListeningSocket[] {
  const inodes = socketInodes(pid);
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .map((fields) => ({ state: fields[3], inode: fields[9] ?? '', local: (fields[1] ?? '').split(':') }))
    .map(({ state, inode, local: [address = '', port = ''] }) => ({
      state,
      inode,
      address,
      port: Number.parseInt(port, 16),
    }))
    .filter(({ state, inode, port }) => state === LISTENING && (inodes.has(inode) || port === alsoPort))
    .map(({ address, port }) => ({ port, loopback: LOOPBACK.includes(address) }));
}

function socketInodes(pid: number): Set<string> {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''));
}
