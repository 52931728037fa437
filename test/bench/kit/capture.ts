/**
 * UDP traffic of one cluster: the kernel's counters, and a capture by tcpdump, decoded into the messages of each
 * packet.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMessage } from '../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, openPacket } from '../../../src/wire/packet.ts';
import { GOSSIP_PORT } from './agents.ts';

/** Bytes of an IPv4 and a UDP header. */
export const HEADER_BYTES = 28;

export interface Datagram {
  /** Payload only. */
  readonly bytes: number;
  /** The messages in it, as `ping` or `ping + alive`. */
  readonly says: string;
}

/** Counters of the current namespace. Source: Linux, proc_net(5). */
export interface Counters {
  readonly datagramsSent: number;
  /** TCP connections that were dialed. */
  readonly dialed: number;
  /** TCP and UDP on `lo`, with their IP headers. */
  readonly loopbackBytes: number;
}

export function counters(): Counters {
  const snmp = readFileSync('/proc/net/snmp', 'utf8').split('\n');
  const of = (protocol: string, name: string): number => {
    const [names, values] = snmp
      .filter((line) => line.startsWith(`${protocol}:`))
      .map((line) => line.split(/\s+/));
    return Number(values?.[names?.indexOf(name) ?? -1]);
  };
  const devices = readFileSync('/proc/net/dev', 'utf8').split('\n');
  const lo = devices.find((line) => line.trim().startsWith('lo:'));
  return {
    datagramsSent: of('Udp', 'OutDatagrams'),
    dialed: of('Tcp', 'ActiveOpens'),
    loopbackBytes: Number(lo?.split(':')[1]?.trim().split(/\s+/)[0]),
  };
}

/** A running tcpdump on `lo`. */
export class Capture {
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Resolves when it is capturing. */
  static async start(): Promise<Capture> {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'));
    const words = [
      '-i',
      'lo',
      '-n',
      '-U',
      '--immediate-mode',
      '-B',
      '16384',
      '-Z',
      'root',
      '-w',
      join(folder, 'pcap'),
    ];
    const child = spawn('tcpdump', [...words, `udp port ${GOSSIP_PORT}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    for await (const chunk of child.stderr as NodeJS.ReadableStream) {
      output += String(chunk);
      if (output.includes('listening on')) return new Capture(child, folder);
    }
    throw new Error(`tcpdump: ${output}`);
  }

  async stop(): Promise<Datagram[]> {
    this.#child.kill('SIGINT');
    await once(this.#child, 'exit');
    const bytes = readFileSync(join(this.#folder, 'pcap'));
    rmSync(this.#folder, { recursive: true });
    return [...payloads(bytes)].map((payload) => ({ bytes: payload.length, says: saysOf(payload) }));
  }
}

const FILE_HEAD = 24;
const RECORD_HEAD = 16;
const ETHERNET_HEAD = 14;
const UDP_HEAD = 8;

/** UDP payloads of a capture of IPv4 on `lo`. Source: pcap-savefile(5), little-endian. */
function* payloads(file: Buffer): Generator<Uint8Array> {
  for (let at = FILE_HEAD; at + RECORD_HEAD <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const ip = at + RECORD_HEAD + ETHERNET_HEAD;
    const udp = ip + ((file[ip] as number) & 0x0f) * 4;
    yield new Uint8Array(file.subarray(udp + UDP_HEAD, udp + file.readUInt16BE(udp + 4)));
    at += RECORD_HEAD + length;
  }
}

function saysOf(payload: Uint8Array): string {
  const { messages } = openPacket(payload, BARE_ENVELOPE);
  const kinds = messages.map((message) => decodeMessage(message).kind);
  return [...new Set(kinds)].join(' + ');
}
