/**
 * I13: whoever has a key says nothing in plaintext, neither in datagrams nor on streams, and no nonce is used twice with
 * one key in all the run.
 */
import { NONCE_BYTES } from '../../../wire/crypt.ts';
import { MESSAGE_TYPE } from '../../../wire/memberlist.ts';
import type { SimHost } from '../../world/host.ts';
import type { LawContext } from '../law.ts';
import { subscribeDatagrams } from './wiretap.ts';

/** Type and length in front of what is encrypted on a stream. */
const STREAM_HEAD = 5;

export class EncryptionLaw {
  readonly #context: LawContext;
  /** By key, in hex. */
  readonly #nonces = new Map<string, Set<string>>();

  constructor(context: LawContext) {
    this.#context = context;
    const { world } = context;
    subscribeDatagrams(world, (from, _to, messages, bytes) => {
      if (from.options.keys === undefined || from.options.keys.length === 0) return;
      // What its keys open, one of them has sealed: the tag proves it.
      if (messages === undefined)
        context.reportViolation(`I13 ${from.label} sent a datagram its keys do not open`);
      else this.#checkNonce(from, bytes, afterLabel(bytes));
    });
    world.subscribe({ onStreamWrite: (host, bytes) => this.#onStreamWrite(host, bytes) });
  }

  /** Agents write one whole message at a time. */
  #onStreamWrite(host: SimHost, bytes: Uint8Array): void {
    if (host.options.keys === undefined || host.options.keys.length === 0 || bytes.length === 0) return;
    const at = afterLabel(bytes);
    if (bytes[at] !== MESSAGE_TYPE.encrypt)
      this.#context.reportViolation(`I13 ${host.label} wrote plaintext on a stream`);
    else this.#checkNonce(host, bytes, at + STREAM_HEAD);
  }

  /** `at` is where the sealed form begins: its version, then its nonce. */
  #checkNonce(host: SimHost, bytes: Uint8Array, at: number): void {
    const key = hex(host.options.keys?.[0] ?? new Uint8Array());
    let nonces = this.#nonces.get(key);
    if (nonces === undefined) {
      nonces = new Set();
      this.#nonces.set(key, nonces);
    }
    const nonce = hex(bytes.subarray(at + 1, at + 1 + NONCE_BYTES));
    if (nonces.has(nonce))
      this.#context.reportViolation(`I13 ${host.label} used the nonce ${nonce} a second time`);
    nonces.add(nonce);
  }
}

const afterLabel = (bytes: Uint8Array): number => (bytes[0] === MESSAGE_TYPE.label ? 2 + (bytes[1] ?? 0) : 0);

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join('');
