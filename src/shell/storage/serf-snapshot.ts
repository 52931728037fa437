/**
 * The snapshot that a Serf agent left behind, so that a host moves to this program without naming a seed: whom it
 * knew, and how far its clocks were. It is read, never written.
 *
 * Source: serf snapshot.go; P62 (docs/protocol.md).
 */
import { readFile, stat } from 'node:fs/promises';
import type { PreviousNode, Snapshot } from '../../agent/contract/machine.ts';
import { formatAddress, parseAddress } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { isMemberName } from '../../wire/memberlist.ts';
import { assertTrustedOwner } from './file-owner.ts';

/** Serf keeps them far below. */
const MAX_FILE = 64 * 1024 * 1024;
/** Members taken over; more than a first join needs. */
const MAX_PEERS = 4096;

/** Rejects with `AgentError('config')` if there is no such file, or others could have written it. */
export async function readSerfSnapshot(path: string): Promise<Snapshot> {
  const wrong = (clause: string): AgentError => new AgentError('config', `Serf snapshot ${path}: ${clause}`);
  try {
    const stats = await stat(path);
    assertTrustedOwner(stats, `Serf snapshot ${path}`, 'chmod go-w it');
    if (stats.size > MAX_FILE) throw wrong('the file is too large for a snapshot');
    return parseSerfSnapshot(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    throw wrong(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
}

/** Total: a line that makes no sense is passed over, as Serf does; the last one may be half written. */
export function parseSerfSnapshot(contents: string): Snapshot {
  const peers = new Map<string, PreviousNode>();
  const clocks = { member: 1, event: 1, query: 1 };
  const lines = contents.split('\n');
  lines.pop(); // nothing, or a line that was never finished
  for (const line of lines) {
    const at = line.indexOf(': ');
    const word = at < 0 ? line : line.slice(0, at);
    const rest = at < 0 ? '' : line.slice(at + 2);
    switch (word) {
      case 'alive': {
        const space = rest.lastIndexOf(' ');
        const name = rest.slice(0, space);
        const address = parseAddress(rest.slice(space + 1));
        peers.delete(name);
        if (isMemberName(name) && address !== undefined)
          peers.set(name, { name, addr: formatAddress(address) });
        break;
      }
      case 'not-alive':
        peers.delete(rest);
        break;
      case 'clock':
        clocks.member = nextAfter(rest, clocks.member);
        break;
      case 'event-clock':
        clocks.event = nextAfter(rest, clocks.event);
        break;
      case 'query-clock':
        clocks.query = nextAfter(rest, clocks.query);
        break;
      case 'leave': // and whoever starts it again, starts it anew
        peers.clear();
        Object.assign(clocks, { member: 1, event: 1, query: 1 });
        break;
    }
  }
  return { incarnation: 0, clocks, peers: [...peers.values()].slice(-MAX_PEERS) };
}

/** A clock holds the last time seen; ours say which comes next. */
function nextAfter(digits: string, held: number): number {
  const time = /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
  return Math.max(held, time + 1);
}
