/** An attacker on loopback: sends any bytes to real agents, with the gossip key or without. */
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { concatBytes, NO_BYTES } from '../../src/base/bytes.ts';
import { createRng } from '../../src/base/rng.ts';
import { metaFromTags } from '../../src/serf/tags.ts';
import { NONCE_BYTES, parseKey } from '../../src/wire/crypt.ts';
import { Ack, Alive, MESSAGE_TYPE, Ping, PushNodeState } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, type Envelope, openPacket, sealPacket } from '../../src/wire/packet.ts';
import { encodePushPull, sealStream } from '../../src/wire/stream-writer.ts';
import { decodeStruct } from '../../src/wire/struct.ts';
import { getJson, httpRequest } from '../support/http.ts';
import type { AgentProcess } from '../support/processes.ts';

export const PORT = 7946;
export const KEY = Buffer.alloc(32, 9).toString('base64');
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const META = metaFromTags(new Map([['hearsay', '1']]));
const rng = createRng(1);
export const nonce = (): Uint8Array => Uint8Array.from({ length: NONCE_BYTES }, () => rng.int(256));
export const octets = (ip: string): Uint8Array => Uint8Array.from(ip.split('.').map(Number));
export const envelopeOf = (key?: string): Envelope =>
  key === undefined ? BARE_ENVELOPE : { ...BARE_ENVELOPE, keys: [parseKey(key)] };

export class Attacker {
  readonly name = 'mallory';
  readonly ip: string;
  readonly envelope: Envelope;
  readonly #socket: Socket;
  received = 0;
  receivedBytes = 0;
  /** Called for each message that it can read, with its type byte. */
  onMessage: (message: Uint8Array) => void = () => undefined;

  private constructor(ip: string, envelope: Envelope, socket: Socket) {
    this.ip = ip;
    this.envelope = envelope;
    this.#socket = socket;
    socket.on('message', (bytes, from) => {
      this.received += 1;
      this.receivedBytes += bytes.length;
      try {
        for (const message of openPacket(new Uint8Array(bytes), envelope).messages) {
          if (message[0] === MESSAGE_TYPE.ping) this.#ack(message, from.address, from.port);
          this.onMessage(message);
        }
      } catch {
        // What it cannot read it ignores.
      }
    });
  }

  /** Acks pings, so that it passes for a member. */
  static at(ip: string, key?: string): Promise<Attacker> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.bind(PORT, ip, () => resolve(new Attacker(ip, envelopeOf(key), socket)));
    });
  }

  close(): void {
    this.#socket.close();
  }

  /** Messages with their type byte, in one datagram. */
  send(to: string, messages: readonly Uint8Array[], compress = false): number {
    const packet = sealPacket(messages, { ...this.envelope, compress }, { crc: false, nonce });
    this.sendRaw(to, packet);
    return packet.length;
  }

  sendRaw(to: string, packet: Uint8Array, port = PORT): void {
    this.#socket.send(packet, port, to);
  }

  sendUser(to: string, ...bodies: readonly Uint8Array[]): void {
    this.send(to, bodies.map(toUserMessage));
  }

  alive(over: Partial<Alive> = {}): Uint8Array {
    const own = { node: this.name, addr: octets(this.ip), port: PORT };
    return Alive.encode({ incarnation: 1, meta: META, vsn: VSN, ...own, ...over }).slice();
  }

  /** A push/pull, by which it becomes a member. */
  join(to: string): Promise<void> {
    const row = { name: this.name, addr: octets(this.ip), port: PORT, meta: META, vsn: VSN };
    return this.pushPull(to, NO_BYTES, [PushNodeState.create({ ...row, incarnation: 1, state: 0 })]);
  }

  /** Dials with these rows, and this state of Serf. */
  pushPull(to: string, userState: Uint8Array, nodes: PushNodeState[] = []): Promise<void> {
    const body = encodePushPull({ kind: 'pushPull', join: true, nodes, userState });
    return this.dial(to, sealStream(body, this.envelope, { role: 'dialer', nonce }));
  }

  /** Writes these bytes to a stream, and waits until it is closed. */
  dial(to: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ host: to, port: PORT, localAddress: this.ip }, () => socket.write(bytes));
      socket.on('data', () => undefined);
      socket.on('error', () => undefined);
      socket.on('end', () => socket.end());
      socket.on('close', () => resolve());
    });
  }

  #ack(message: Uint8Array, to: string, port: number): void {
    const { seqNo } = decodeStruct(Ping, message);
    const ack = Ack.encode({ seqNo, payload: NO_BYTES });
    this.sendRaw(to, sealPacket([ack], this.envelope, { crc: false, nonce }), port);
  }
}

export const toUserMessage = (body: Uint8Array): Uint8Array =>
  concatBytes([Uint8Array.of(MESSAGE_TYPE.user), body]);

/** Processor time that an agent has used, in milliseconds. */
export function cpuMillis({ child }: AgentProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The largest resident set that an agent has had, in megabytes. */
export const peakMegabytes = ({ child }: AgentProcess): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;

/** A counter of an agent, by the end of its name. */
export async function counter(http: string, name: string): Promise<number> {
  const { body } = await httpRequest('GET', `${http}/v1/agent/metrics?format=prometheus`);
  return Number(new RegExp(`${name}(?:_total)?(?:\\{[^}]*\\})? (\\d+)`).exec(body)?.[1] ?? 0);
}

/** The usable instances of a service, as `node address:port`. */
export async function instances(http: string, service: string): Promise<string> {
  type Row = { Node: { Node: string }; Service: { Address: string; Port: number } };
  const rows = await getJson<Row[]>(`${http}/v1/health/service/${service}?passing`);
  return rows.map(({ Node, Service }) => `${Node.Node} ${Service.Address}:${Service.Port}`).join(', ');
}

export const register = (http: string, service: object): Promise<unknown> =>
  httpRequest('PUT', `${http}/v1/agent/service/register`, {
    body: JSON.stringify(service),
    headers: { 'content-type': 'application/json' },
  });
