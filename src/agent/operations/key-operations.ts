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
import type { AskedQuestion, QuestionId, SerfEffect } from '../../serf/types.ts';
import { fingerprint, parseKey, toBase64 } from '../../wire/crypt.ts';
import type { Keyring } from '../../wire/keyring.ts';
import { KeyRequest, KeyResponse } from '../../wire/serf.ts';
import { decode } from '../../wire/struct.ts';
import type { KeyOperation, KeyReport } from '../contract/commands.ts';

/** Kept after they are over, oldest out first. */
const MAX_TASKS = 32;
/** Names told in one sentence. */
const MAX_NAMED = 8;
/** A key query waits this much longer than others: a member writes a file before it answers. */
const PATIENCE = 2;

interface Task {
  report: KeyReport;
  readonly key: Uint8Array | undefined;
  /** The query that runs, and what it is for. */
  question: QuestionId;
  step: 'look' | 'act';
}

export class KeyTasks {
  readonly #serf: Serf;
  readonly #ring: Keyring;
  readonly #tasks = new Map<number, Task>();
  #last = 0;

  constructor(serf: Serf, ring: Keyring) {
    this.#serf = serf;
    this.#ring = ring;
  }

  get(id: number): KeyReport | undefined {
    return this.#tasks.get(id)?.report;
  }

  /** Throws `AgentError`; then nothing was asked. */
  start(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    force: boolean,
    timeout: Millis | undefined,
    now: Millis,
    out: SerfEffect[],
  ): KeyReport {
    if (this.#ring.keys.length === 0)
      throw new AgentError('conflict', 'this cluster is not encrypted: start its agents with a key first');
    if (operation !== 'list' && key === undefined)
      throw new AgentError('badRequest', 'which key? Give it as base64');
    for (const [id, { report }] of this.#tasks)
      if (this.#tasks.size >= MAX_TASKS && report.finished) this.#tasks.delete(id);
    const looks = (operation === 'use' || operation === 'remove') && !force;
    const step = looks ? 'look' : 'act';
    const asked = this.#ask(looks ? 'list' : operation, key, timeout, now, out);
    this.#last += 1;
    const report: KeyReport = {
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
    this.#tasks.set(this.#last, { report, key, question: asked.id, step });
    return this.#follow(this.#last, asked, now, out) ?? report;
  }

  /** Something came of a query of ours. The task it belongs to, if it belongs to one. */
  answered(question: AskedQuestion, now: Millis, out: SerfEffect[]): KeyReport | undefined {
    for (const [id, task] of this.#tasks)
      if (task.question === question.id && !task.report.finished) return this.#follow(id, question, now, out);
    return undefined;
  }

  #follow(id: number, question: AskedQuestion, now: Millis, out: SerfEffect[]): KeyReport | undefined {
    const task = this.#tasks.get(id);
    if (task === undefined) return undefined;
    const { report, step, key } = task;
    const seen = { ...report, step, ...this.#read(question) };
    if (!question.finished) task.report = seen;
    else if (step === 'act') task.report = { ...seen, finished: true };
    else {
      const refused = this.#danger(seen, question, key);
      if (refused !== undefined) task.report = { ...seen, finished: true, refused };
      else {
        const asked = this.#ask(report.operation, key, question.timeout, now, out);
        task.step = 'act';
        task.question = asked.id;
        task.report = { ...report, step: 'act', ...this.#read(asked) };
      }
    }
    return task.report;
  }

  #ask(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    timeout: Millis | undefined,
    now: Millis,
    out: SerfEffect[],
  ): AskedQuestion {
    const question = {
      name: KEY_QUERIES[operation],
      payload: KeyRequest.encode({
        key: operation === 'list' || key === undefined ? new Uint8Array(0) : key,
      }),
      nodes: [],
      tags: new Map(),
      ack: false,
      relayFactor: 0,
      timeout: timeout ?? this.#serf.queryTimeout * PATIENCE,
    };
    return this.#serf.ask(question, now, out, (asked) => asked.responses.length >= asked.expected);
  }

  #read(
    question: AskedQuestion,
  ): Pick<KeyReport, 'members' | 'answered' | 'silent' | 'errors' | 'notes' | 'keys' | 'primaries'> {
    const errors = new Map<string, string>();
    const notes = new Map<string, string>();
    const keys = new Map<string, number>();
    const primaries = new Map<string, number>();
    for (const { from, payload } of question.responses) {
      const said = responseIn(payload);
      if (said === undefined) errors.set(from, 'its answer cannot be read');
      else if (!said.result) errors.set(from, said.message || 'it refused without a word');
      else if (said.message !== '') notes.set(from, said.message);
      for (const key of said?.keys ?? []) count(keys, nameOf(key));
      if (said !== undefined && said.primaryKey !== '') count(primaries, nameOf(said.primaryKey));
    }
    const heard = new Set(question.responses.map(({ from }) => from));
    const silent = [...this.#serf.view.all()]
      .filter(({ name, status }) => status === 'alive' && !heard.has(name))
      .map(({ name }) => name)
      .sort();
    return { members: question.expected, answered: heard.size, silent, errors, notes, keys, primaries };
  }

  /** Who would be cut off, in a sentence; `undefined`: nobody. */
  #danger(report: KeyReport, question: AskedQuestion, key: Uint8Array | undefined): string | undefined {
    const again = 'or do it all the same with --force';
    if (report.silent.length > 0)
      return `${named(report.silent)} did not say which keys they have: ask again, ${again}`;
    if (report.errors.size > 0)
      return `${named([...report.errors.keys()])} could not say which keys they have, ${again}`;
    const base64 = key === undefined ? '' : toBase64(key);
    const said = question.responses.map(({ from, payload }) => ({ from, ...responseIn(payload) }));
    const namesOf = (list: typeof said): string[] => list.map(({ from }) => from);
    if (report.operation === 'use') {
      const lacking = namesOf(said.filter(({ keys }) => keys?.includes(base64) !== true));
      return lacking.length === 0
        ? undefined
        : `${named(lacking)} would understand nothing any more: install the key there first, ${again}`;
    }
    const using = namesOf(said.filter(({ primaryKey }) => primaryKey === base64));
    if (using.length > 0) return `${named(using)} still use this key: let them use another first`;
    const down = [...this.#serf.view.all()]
      .filter(({ status }) => status === 'failed')
      .map(({ name }) => name);
    if (down.length > 0)
      return `${named(down)} failed, and may know no other key when back: wait for them, forget them, ${again}`;
    return undefined;
  }
}

const named = (names: readonly string[]): string => {
  const some = names.slice(0, MAX_NAMED).join(', ');
  return names.length > MAX_NAMED ? `${some} and ${names.length - MAX_NAMED} more` : some;
};

function responseIn(payload: Uint8Array): KeyResponse | undefined {
  try {
    return payload[0] === KeyResponse.type ? decode(KeyResponse, payload) : undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}

/** A fingerprint: keys themselves go no further than this. */
function nameOf(base64: string): string {
  try {
    return fingerprint(parseKey(base64));
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return 'unreadable';
  }
}

const count = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1);
