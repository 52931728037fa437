/**
 * I13: a host that has a key sends no plaintext, neither in datagrams nor on streams, and no nonce is used twice with
 * one key during the run.
 */
import { NO_BYTES } from '../../../base/bytes.ts';
import { NONCE_BYTES } from '../../../wire/crypt.ts';
import { MESSAGE_TYPE } from '../../../wire/memberlist.ts';
import type { SimHost } from '../../world/host.ts';
import type { LawContext } from '../law.ts';
import { subscribeDatagrams } from './wiretap.ts';

/** Type and length in front of the ciphertext on a stream. */
const STREAM_HEAD = 5;

export class EncryptionLaw {
  readonly #context: LawContext;
  /** By key. Keys and nonces are strings with a character for each octet. */
  readonly #nonces = new Map<string, Set<string>>();

  constructor(context: LawContext) {
    this.#context = context;
    const { world } = context;
    subscribeDatagrams(world, (from, _to, messages, bytes) => {
      if (from.options.keys === undefined || from.options.keys.length === 0) return;
      // A datagram that one of its keys opens was sealed with it: the authentication tag proves that.
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

  /** `at` is where the sealed part begins: version, then nonce. */
  #checkNonce(host: SimHost, bytes: Uint8Array, at: number): void {
    this.#context.judged('I13');
    const key = octetsOf(host.options.keys?.[0] ?? NO_BYTES);
    let nonces = this.#nonces.get(key);
    if (nonces === undefined) {
      nonces = new Set();
      this.#nonces.set(key, nonces);
    }
    const sealed = bytes.subarray(at + 1, at + 1 + NONCE_BYTES);
    const nonce = octetsOf(sealed);
    if (nonces.has(nonce))
      this.#context.reportViolation(`I13 ${host.label} used the nonce ${hex(sealed)} a second time`);
    nonces.add(nonce);
  }
}

const afterLabel = (bytes: Uint8Array): number => (bytes[0] === MESSAGE_TYPE.label ? 2 + (bytes[1] ?? 0) : 0);

/** A string with a character for each octet, which is made faster than one in hexadecimal. */
const octetsOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join('');
