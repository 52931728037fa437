/**
 * Key queries of peers: install, use, remove, list. A peer that can send one holds a key already, so no other permission is
 * needed; each change is recorded as a fact with its sender. A change is answered once it is stored.
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

/** Bytes of a response besides its payload, with the longest name. */
const HEAD_BYTES = 200;
/** Changes that are being stored; bounded, in case the disk hangs. */
const MAX_PENDING = 64;

export type SendReply = (payload: Uint8Array, now: Millis, out: SerfEffect[]) => void;

export class KeyQueryHandler {
  readonly #ring: Keyring;
  readonly #isPersistent: boolean;
  readonly #pending = new BoundedMap<number, SendReply>(MAX_PENDING);
  #ticket = 0;

  /** `isPersistent`: each change is stored on disk. */
  constructor(ring: Keyring, isPersistent: boolean) {
    this.#ring = ring;
    this.#isPersistent = isPersistent;
  }

  /** False: this is no key query. */
  handle(query: IncomingQuery, reply: SendReply, now: Millis, out: SerfEffect[]): boolean {
    const change = CHANGES.get(query.name);
    if (change !== undefined) this.#change(change, query, reply, now, out);
    else if (query.name === KEY_QUERIES.list) reply(this.#list(), now, out);
    else return false;
    return true;
  }

  /** Storing a change succeeded, or failed with `error`. */
  onStored(ticket: number, error: string | undefined, now: Millis, out: SerfEffect[]): void {
    const reply = this.#pending.get(ticket);
    this.#pending.delete(ticket);
    reply?.(
      error === undefined
        ? encodeKeyResponse(true)
        : encodeKeyResponse(false, `In use, but not stored: ${error}`),
      now,
      out,
    );
  }

  #change(change: KeyChange, query: IncomingQuery, reply: SendReply, now: Millis, out: SerfEffect[]): void {
    const by = query.from;
    let changed: boolean;
    let key: Uint8Array;
    try {
      key = copyBytes(decodeStruct(KeyRequest, query.payload).key);
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

  /** As many keys as fit one response. */
  #list(): Uint8Array {
    const all = this.#ring.keys.map(formatKey);
    const [primaryKey = ''] = all;
    if (primaryKey === '') return encodeKeyResponse(false, NO_KEYRING);
    for (let count = all.length; ; count--) {
      const message =
        count === all.length ? '' : `Only the first ${count} of ${all.length} keys fit the response`;
      const keys = all.slice(0, count);
      const response = KeyResponse.encode({ result: true, message, keys, primaryKey });
      if (response.length <= MAX_RESPONSE_BYTES - HEAD_BYTES || count === 0) return response;
    }
  }
}

const IN_MEMORY =
  'In memory only: this agent has no data directory and no keyring file, and will start with its old key again';

const encodeKeyResponse = (result: boolean, message = ''): Uint8Array =>
  KeyResponse.encode({ result, message, keys: [], primaryKey: '' });
