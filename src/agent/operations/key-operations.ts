/**
 * Key operations: the gossip keys of a whole cluster are listed, installed, used and removed by one query to all
 * members each. A report says what each member answered. How a member changes its own keys is in serf/queries/keys.ts.
 *
 * Source: serf keymanager.go. Differs: before a key is used or removed, all members are queried for the keys they have,
 * and nothing is changed if one of them would be cut off, or one that failed might be at its return.
 */
import { assert } from '../../base/assert.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { KEY_QUERIES } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryId, QueryReport, SerfEffect } from '../../serf/types.ts';
import { fingerprint, parseKey } from '../../wire/crypt.ts';
import { type Keyring, MAX_KEYRING_KEYS } from '../../wire/keyring.ts';
import { KeyRequest } from '../../wire/serf.ts';
import type { KeyOperation, KeyOperationReport } from '../contract/commands.ts';
import { findCutOff, findRefusal, parseKeyResponse } from './key-refusals.ts';

/** Operations that are retained; the oldest that has ended is dropped first. */
const MAX_RETAINED = 32;
/** A key query waits this many times longer than others: a member writes a file before it answers. */
const TIMEOUT_FACTOR = 2;

/** Statuses of members that are, or may come back as they were. */
const LISTED: ReadonlySet<string> = new Set(['alive', 'failed']);

interface PendingKeyOperation {
  report: KeyOperationReport;
  readonly key: Uint8Array | undefined;
  /** The query that runs for the report's step. */
  queryId: QueryId;
  /** Members that were alive when that query was sent. */
  asked: readonly string[];
  /** The keys that the report is to judge; nothing is changed then. */
  readonly wanted?: readonly Uint8Array[];
}

interface FirstStep extends Omit<KeyOperationRequest, 'force'>, Pick<PendingKeyOperation, 'wanted'> {
  readonly step: KeyOperationReport['step'];
}

/** The responses to one key query, summed up. */
type ResponseSummary = Pick<
  KeyOperationReport,
  'members' | 'answered' | 'unresponsive' | 'errors' | 'messages' | 'keys' | 'primaries'
>;

export interface KeyOperationRequest {
  readonly operation: KeyOperation;
  /** `undefined` only for `list`. */
  readonly key: Uint8Array | undefined;
  /** Skips the check whether a member would be cut off. */
  readonly force: boolean;
  /** `undefined`: by the size of the cluster. */
  readonly timeout: Millis | undefined;
}

export class KeyOperations {
  readonly #serf: Serf;
  readonly #keyring: Keyring;
  readonly #self: string;
  readonly #operations = new Map<number, PendingKeyOperation>();
  /** Keys that other members were seen to have, by fingerprint. */
  readonly #seen = new BoundedMap<string, Uint8Array>(MAX_KEYRING_KEYS);
  #lastId = 0;

  /** `self` is this agent's name. */
  constructor(serf: Serf, keyring: Keyring, self: string) {
    this.#serf = serf;
    this.#keyring = keyring;
    this.#self = self;
  }

  get(id: number): KeyOperationReport | undefined {
    return this.#operations.get(id)?.report;
  }

  /** The key of a fingerprint, if this agent or a member that answered lately has it. */
  findKey(wanted: string): Uint8Array | undefined {
    return this.#keyring.keys.find((key) => fingerprint(key) === wanted) ?? this.#seen.get(wanted);
  }

  /** Throws `AgentError`; then no member was queried. */
  start(request: KeyOperationRequest, now: Millis, out: SerfEffect[]): KeyOperationReport {
    const { operation, key, force, timeout } = request;
    if (this.#keyring.keys.length === 0)
      throw new AgentError('conflict', 'this cluster is not encrypted: start its agents with a key first');
    if (operation !== 'list' && key === undefined)
      throw new AgentError('badRequest', 'no key was given: add it in base64');
    this.#makeRoom();
    const step = (operation === 'use' || operation === 'remove') && !force ? 'check' : 'apply';
    return this.#begin({ operation, step, key, timeout }, now, out);
  }

  /** Would this agent and the others still understand each other if it had exactly these keys? Throws as `start`. */
  startCheck(wanted: readonly Uint8Array[], now: Millis, out: SerfEffect[]): KeyOperationReport {
    this.#makeRoom();
    const check = { operation: 'list', step: 'check', key: undefined, timeout: undefined, wanted } as const;
    return this.#begin(check, now, out);
  }

  #begin(
    { operation, step, key, timeout, wanted }: FirstStep,
    now: Millis,
    out: SerfEffect[],
  ): KeyOperationReport {
    const asked = this.#membersWith('alive');
    const query = this.#sendQuery(step === 'check' ? 'list' : operation, key, timeout, now, out);
    this.#lastId += 1;
    const report: KeyOperationReport = {
      ...{ id: this.#lastId, operation, finished: false, step, refusal: undefined },
      ...this.#summarize(query, asked),
    };
    const more = wanted === undefined ? {} : { wanted };
    const pending: PendingKeyOperation = { report, key, queryId: query.id, asked, ...more };
    this.#operations.set(report.id, pending);
    return this.#advance(pending, query, now, out);
  }

  #makeRoom(): void {
    for (const [id, { report }] of this.#operations)
      if (this.#operations.size >= MAX_RETAINED && report.finished) this.#operations.delete(id);
  }

  /** A response has come to a query of ours, or the query has ended. The operation it belongs to, if there is one. */
  onQueryUpdated(query: QueryReport, now: Millis, out: SerfEffect[]): KeyOperationReport | undefined {
    for (const pending of this.#operations.values())
      if (pending.queryId === query.id && !pending.report.finished)
        return this.#advance(pending, query, now, out);
    return undefined;
  }

  #advance(
    pending: PendingKeyOperation,
    query: QueryReport,
    now: Millis,
    out: SerfEffect[],
  ): KeyOperationReport {
    // Invariant: an operation that has ended is never taken up again.
    assert(!pending.report.finished, 'a key operation that goes on after its end');
    const { key, wanted } = pending;
    const report = { ...pending.report, ...this.#summarize(query, pending.asked) };
    if (!query.finished) pending.report = report;
    else if (report.step === 'apply') pending.report = { ...report, finished: true };
    else if (wanted !== undefined) {
      const refusal = findCutOff(report, query, { self: this.#self, wanted });
      pending.report = { ...report, finished: true, refusal };
    } else {
      const refusal = findRefusal(report, query, key, this.#membersWith('failed'));
      if (refusal !== undefined) pending.report = { ...report, finished: true, refusal };
      else {
        pending.asked = this.#membersWith('alive');
        const next = this.#sendQuery(report.operation, key, query.timeout, now, out);
        pending.queryId = next.id;
        pending.report = { ...report, step: 'apply', ...this.#summarize(next, pending.asked) };
      }
    }
    return pending.report;
  }

  #sendQuery(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    timeout: Millis | undefined,
    now: Millis,
    out: SerfEffect[],
  ): QueryReport {
    const payload = KeyRequest.encode({
      key: operation === 'list' || key === undefined ? new Uint8Array(0) : key,
    });
    return this.#serf.query(
      {
        ...{ name: KEY_QUERIES[operation], payload, nodes: [], tags: new Map(), ack: false, relayFactor: 0 },
        timeout: timeout ?? this.#serf.defaultQueryTimeout * TIMEOUT_FACTOR,
      },
      now,
      out,
      ({ responses, expected }) => responses.length >= expected,
    );
  }

  #membersWith(status: 'alive' | 'failed'): readonly string[] {
    return [...this.#serf.view.all()].filter((one) => one.status === status).map(({ name }) => name);
  }

  #summarize({ expected, responses }: QueryReport, asked: readonly string[]): ResponseSummary {
    const errors = new Map<string, string>();
    const messages = new Map<string, string>();
    const keys = new Map<string, number>();
    const primaries = new Map<string, number>();
    for (const { from, payload } of responses) {
      const response = parseKeyResponse(payload);
      if (response === undefined) errors.set(from, 'its answer cannot be read');
      else if (!response.result) errors.set(from, response.message || 'it refused and gave no reason');
      else if (response.message !== '') messages.set(from, response.message);
      for (const key of response?.keys ?? []) increment(keys, this.#identify(key));
      if (response !== undefined && response.primaryKey !== '')
        increment(primaries, this.#identify(response.primaryKey));
    }
    const answered = new Set(responses.map(({ from }) => from));
    // Who was asked and has failed since may return without the key, as may who came too late to be asked.
    const hasLeft = (name: string): boolean => !LISTED.has(this.#serf.view.get(name)?.status ?? '');
    const unresponsive = [...new Set([...asked, ...this.#membersWith('alive')])]
      .filter((name) => !answered.has(name) && !hasLeft(name))
      .sort();
    return {
      ...{ members: expected, answered: answered.size, unresponsive },
      ...{ errors, messages, keys, primaries },
    };
  }

  /** The fingerprint under which a key is reported, and can be named in a later operation. */
  #identify(base64: string): string {
    try {
      const key = parseKey(base64);
      const name = fingerprint(key);
      this.#seen.set(name, key);
      return name;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return 'unreadable';
    }
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
