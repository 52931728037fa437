/**
 * Changing the gossip keys of a whole cluster: one query to all members, what each said, and whether it is safe.
 * What a member does with its own keys is serf/queries/keys.ts's.
 *
 * Source: serf keymanager.go. Differs: before a key is used or removed, all are asked which they have, and it is left
 * alone if a member would be cut off.
 */
import { AgentError, WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { KEY_QUERIES } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryId, QueryReport, SerfEffect } from '../../serf/types.ts';
import { fingerprint, formatKey, parseKey } from '../../wire/crypt.ts';
import type { Keyring } from '../../wire/keyring.ts';
import { KeyRequest, KeyResponse } from '../../wire/serf.ts';
import { decodeStruct } from '../../wire/struct.ts';
import type { KeyOperation, KeyOperationReport } from '../contract/commands.ts';

/** Kept after they are over, oldest out first. */
const MAX_TASKS = 32;
/** Names told in one sentence. */
const MAX_NAMED = 8;
/** A key query waits this much longer than others: a member writes a file before it answers. */
const PATIENCE = 2;

interface PendingKeyOperation {
  report: KeyOperationReport;
  readonly key: Uint8Array | undefined;
  /** The query that runs, and what it is for. */
  queryId: QueryId;
  step: 'look' | 'act';
}

export class KeyOperations {
  readonly #serf: Serf;
  readonly #ring: Keyring;
  readonly #operations = new Map<number, PendingKeyOperation>();
  #last = 0;

  constructor(serf: Serf, ring: Keyring) {
    this.#serf = serf;
    this.#ring = ring;
  }

  get(id: number): KeyOperationReport | undefined {
    return this.#operations.get(id)?.report;
  }

  /** Throws `AgentError`; then nothing was asked. */
  start(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    force: boolean,
    timeout: Millis | undefined,
    now: Millis,
    out: SerfEffect[],
  ): KeyOperationReport {
    if (this.#ring.keys.length === 0)
      throw new AgentError('conflict', 'this cluster is not encrypted: start its agents with a key first');
    if (operation !== 'list' && key === undefined)
      throw new AgentError('badRequest', 'which key? Give it as base64');
    for (const [id, { report }] of this.#operations)
      if (this.#operations.size >= MAX_TASKS && report.finished) this.#operations.delete(id);
    const looks = (operation === 'use' || operation === 'remove') && !force;
    const step = looks ? 'look' : 'act';
    const asked = this.#sendQuery(looks ? 'list' : operation, key, timeout, now, out);
    this.#last += 1;
    const report: KeyOperationReport = {
      id: this.#last,
      operation,
      finished: false,
      step,
      members: asked.expected,
      answered: 0,
      silent: [],
      errors: new Map(),
      notes: new Map(),
      keys: new Map(),
      primaries: new Map(),
      refused: undefined,
    };
    this.#operations.set(this.#last, { report, key, queryId: asked.id, step });
    return this.#advance(this.#last, asked, now, out) ?? report;
  }

  /** Something came of a query of ours. The task it belongs to, if it belongs to one. */
  answered(question: QueryReport, now: Millis, out: SerfEffect[]): KeyOperationReport | undefined {
    for (const [id, task] of this.#operations)
      if (task.queryId === question.id && !task.report.finished) return this.#advance(id, question, now, out);
    return undefined;
  }

  #advance(
    id: number,
    question: QueryReport,
    now: Millis,
    out: SerfEffect[],
  ): KeyOperationReport | undefined {
    const task = this.#operations.get(id);
    if (task === undefined) return undefined;
    const { report, step, key } = task;
    const seen = { ...report, step, ...this.#summarize(question) };
    if (!question.finished) task.report = seen;
    else if (step === 'act') task.report = { ...seen, finished: true };
    else {
      const refused = this.#findRisk(seen, question, key);
      if (refused !== undefined) task.report = { ...seen, finished: true, refused };
      else {
        const asked = this.#sendQuery(report.operation, key, question.timeout, now, out);
        task.step = 'act';
        task.queryId = asked.id;
        task.report = { ...report, step: 'act', ...this.#summarize(asked) };
      }
    }
    return task.report;
  }

  #sendQuery(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    timeout: Millis | undefined,
    now: Millis,
    out: SerfEffect[],
  ): QueryReport {
    const question = {
      name: KEY_QUERIES[operation],
      payload: KeyRequest.encode({
        key: operation === 'list' || key === undefined ? new Uint8Array(0) : key,
      }),
      nodes: [],
      tags: new Map(),
      ack: false,
      relayFactor: 0,
      timeout: timeout ?? this.#serf.defaultQueryTimeout * PATIENCE,
    };
    return this.#serf.query(question, now, out, (asked) => asked.responses.length >= asked.expected);
  }

  #summarize(
    question: QueryReport,
  ): Pick<KeyOperationReport, 'members' | 'answered' | 'silent' | 'errors' | 'notes' | 'keys' | 'primaries'> {
    const errors = new Map<string, string>();
    const notes = new Map<string, string>();
    const keys = new Map<string, number>();
    const primaries = new Map<string, number>();
    for (const { from, payload } of question.responses) {
      const said = parseKeyResponse(payload);
      if (said === undefined) errors.set(from, 'its answer cannot be read');
      else if (!said.result) errors.set(from, said.message || 'it refused without a word');
      else if (said.message !== '') notes.set(from, said.message);
      for (const key of said?.keys ?? []) count(keys, toFingerprint(key));
      if (said !== undefined && said.primaryKey !== '') count(primaries, toFingerprint(said.primaryKey));
    }
    const heard = new Set(question.responses.map(({ from }) => from));
    const silent = [...this.#serf.view.all()]
      .filter(({ name, status }) => status === 'alive' && !heard.has(name))
      .map(({ name }) => name)
      .sort();
    return { members: question.expected, answered: heard.size, silent, errors, notes, keys, primaries };
  }

  /** Who would be cut off, in a sentence; `undefined`: nobody. */
  #findRisk(
    report: KeyOperationReport,
    question: QueryReport,
    key: Uint8Array | undefined,
  ): string | undefined {
    const again = 'or do it all the same with --force';
    if (report.silent.length > 0)
      return `${formatNames(report.silent)} did not say which keys they have: ask again, ${again}`;
    if (report.errors.size > 0)
      return `${formatNames([...report.errors.keys()])} could not say which keys they have, ${again}`;
    const base64 = key === undefined ? '' : formatKey(key);
    const said = question.responses.map(({ from, payload }) => ({ from, ...parseKeyResponse(payload) }));
    const namesOf = (list: typeof said): string[] => list.map(({ from }) => from);
    if (report.operation === 'use') {
      const lacking = namesOf(said.filter(({ keys }) => keys?.includes(base64) !== true));
      return lacking.length === 0
        ? undefined
        : `${formatNames(lacking)} would understand nothing any more: install the key there first, ${again}`;
    }
    const using = namesOf(said.filter(({ primaryKey }) => primaryKey === base64));
    if (using.length > 0) return `${formatNames(using)} still use this key: let them use another first`;
    const down = [...this.#serf.view.all()]
      .filter(({ status }) => status === 'failed')
      .map(({ name }) => name);
    if (down.length > 0)
      return `${formatNames(down)} failed, and may know no other key when back: wait for them, forget them, ${again}`;
    return undefined;
  }
}

const formatNames = (names: readonly string[]): string => {
  const some = names.slice(0, MAX_NAMED).join(', ');
  return names.length > MAX_NAMED ? `${some} and ${names.length - MAX_NAMED} more` : some;
};

function parseKeyResponse(payload: Uint8Array): KeyResponse | undefined {
  try {
    return payload[0] === KeyResponse.type ? decodeStruct(KeyResponse, payload) : undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}

/** A fingerprint: keys themselves go no further than this. */
function toFingerprint(base64: string): string {
  try {
    return fingerprint(parseKey(base64));
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return 'unreadable';
  }
}

const count = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1);
