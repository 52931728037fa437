/**
 * What others do to our keys, by queries: install, use, remove, list. Whoever can ask holds a key already, so there is
 * no further permission; each change is a fact that names who asked. A change is answered once it is kept.
 *
 * Source: serf internal_query.go, handleInstallKey and its siblings; keymanager.go; P59 (docs/protocol.md).
 */
import { BoundedMap } from '../../base/bounded-map.ts';
import { copyBytes } from '../../base/bytes.ts';
import { AgentError, WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { fingerprint, formatKey } from '../../wire/crypt.ts';
import { type Keyring, NO_KEYRING } from '../../wire/keyring.ts';
import { KeyRequest, KeyResponse } from '../../wire/serf.ts';
import { decodeStruct } from '../../wire/struct.ts';
import type { SerfEffect } from '../types.ts';
import { type IncomingQuery, MAX_RESPONSE_BYTES } from './incoming.ts';
import { KEY_QUERIES } from './names.ts';

export type KeyChange = 'install' | 'use' | 'remove';
const CHANGES: ReadonlyMap<string, KeyChange> = new Map([
  [KEY_QUERIES.install, 'install'],
  [KEY_QUERIES.use, 'use'],
  [KEY_QUERIES.remove, 'remove'],
]);

/** What a response costs besides its payload, with the longest name. */
const HEAD_BYTES = 200;
/** Changes whose keeping is not over; a disk that hangs must not fill us. */
const MAX_PENDING = 64;

type Reply = (payload: Uint8Array, now: Millis, out: SerfEffect[]) => void;

export class KeyQueryHandler {
  readonly #ring: Keyring;
  readonly #isPersistent: boolean;
  readonly #pending = new BoundedMap<number, Reply>(MAX_PENDING);
  #ticket = 0;

  /** `kept`: there is somewhere to keep keys, and each change goes there. */
  constructor(ring: Keyring, kept: boolean) {
    this.#ring = ring;
    this.#isPersistent = kept;
  }

  /** False: this is no query about keys. */
  handle(asked: IncomingQuery, reply: Reply, now: Millis, out: SerfEffect[]): boolean {
    const change = CHANGES.get(asked.name);
    if (change !== undefined) this.#change(change, asked, reply, now, out);
    else if (asked.name === KEY_QUERIES.list) reply(this.#list(), now, out);
    else return false;
    return true;
  }

  /** How keeping a change came to; `error` says why it was not kept. */
  onStored(ticket: number, error: string | undefined, now: Millis, out: SerfEffect[]): void {
    const reply = this.#pending.get(ticket);
    this.#pending.delete(ticket);
    reply?.(
      error === undefined
        ? encodeKeyResponse(true)
        : encodeKeyResponse(false, `It is in use, but not kept: ${error}`),
      now,
      out,
    );
  }

  #change(change: KeyChange, asked: IncomingQuery, reply: Reply, now: Millis, out: SerfEffect[]): void {
    const by = asked.from;
    let changed: boolean;
    let key: Uint8Array;
    try {
      key = copyBytes(decodeStruct(KeyRequest, asked.payload).key);
      changed = this.#ring[change](key);
    } catch (error) {
      if (!(error instanceof AgentError || error instanceof WireError)) throw error;
      out.push({ kind: 'fact', fact: { kind: 'keyChangeRefused', change, by, reason: error.message } });
      return reply(encodeKeyResponse(false, error.message), now, out);
    }
    if (!changed) return reply(encodeKeyResponse(true), now, out);
    out.push({ kind: 'fact', fact: { kind: 'keysChanged', change, key: fingerprint(key), by } });
    if (!this.#isPersistent) return reply(encodeKeyResponse(true, IN_MEMORY), now, out);
    this.#ticket += 1;
    this.#pending.set(this.#ticket, reply);
    out.push({ kind: 'storeKeys', ticket: this.#ticket });
  }

  /** As many as fit one answer. */
  #list(): Uint8Array {
    const all = this.#ring.keys.map(formatKey);
    const [primaryKey = ''] = all;
    if (primaryKey === '') return encodeKeyResponse(false, NO_KEYRING);
    for (let count = all.length; ; count--) {
      const message =
        count === all.length ? '' : `Only the first ${count} of ${all.length} keys fit the answer`;
      const keys = all.slice(0, count);
      const answer = KeyResponse.encode({ result: true, message, keys, primaryKey });
      if (answer.length <= MAX_RESPONSE_BYTES - HEAD_BYTES || count === 0) return answer;
    }
  }
}

const IN_MEMORY = 'In memory only: this agent has no keyring file, and starts with its old key again';

const encodeKeyResponse = (result: boolean, message = ''): Uint8Array =>
  KeyResponse.encode({ result, message, keys: [], primaryKey: '' });
