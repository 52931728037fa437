/**
 * Imports the snapshot of a Serf agent, so that a host switches to hearsay without a seed: its known members and its
 * Lamport clocks. The file is only read.
 *
 * Source: serf snapshot.go; P62 (docs/protocol.md).
 */
import type { PreviousNode, Snapshot } from '../../agent/contract/machine.ts';
import { formatAddress, parseAddress } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { isMemberName } from '../../wire/memberlist.ts';
import { readTrustedFile } from './trusted-file.ts';

/** Serf compacts its snapshots long before they have this size. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Most members that are imported; more than a first join needs. */
const MAX_PEERS = 4096;

/** Rejects with `AgentError('config')` if the file cannot be read, or others can write to it. */
export async function readSerfSnapshot(path: string): Promise<Snapshot> {
  const configError = (clause: string): AgentError =>
    new AgentError('config', `Serf snapshot ${path}: ${clause}`);
  try {
    const what = `Serf snapshot ${path}`;
    const { text } = await readTrustedFile(path, { what, remedy: 'chmod go-w it', maxBytes: MAX_FILE_BYTES });
    return parseSerfSnapshot(text);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    throw configError(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
}

/** Never throws: an invalid line is skipped, as in Serf. The last line may be incomplete. */
export function parseSerfSnapshot(contents: string): Snapshot {
  const peers = new Map<string, PreviousNode>();
  const clocks = { member: 1, event: 1, query: 1 };
  const lines = contents.split('\n');
  lines.pop(); // empty, or a line that was not finished
  for (const line of lines) {
    const at = line.indexOf(': ');
    const keyword = at < 0 ? line : line.slice(0, at);
    const rest = at < 0 ? '' : line.slice(at + 2);
    switch (keyword) {
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
      case 'leave': // a restart after a leave starts fresh
        peers.clear();
        Object.assign(clocks, { member: 1, event: 1, query: 1 });
        break;
    }
  }
  return { incarnation: 0, clocks, peers: [...peers.values()].slice(-MAX_PEERS) };
}

/** Serf saves the last time that was seen; our clocks hold the next one. */
function nextAfter(digits: string, current: number): number {
  const time = /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
  return Math.max(current, time + 1);
}
