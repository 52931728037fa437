/**
 * Facts become log lines and counters here, both from the table of sentences.ts, so that the two cannot disagree; each
 * packet is a line at `trace`.
 */
import type { Logger } from 'pino';
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { FACT_TABLE, type FactRow } from './fact-table.ts';
import type { JournalFact } from './facts.ts';

export interface Journal {
  record(fact: JournalFact): void;
  /** Counts a packet; a line at `trace`. */
  recordPacket(direction: 'received' | 'sent', peer: Address, bytes: number): void;
  /** Since the start, by name; every counter of the table is there from the beginning. */
  readonly counters: ReadonlyMap<string, number>;
  /** What each counter counts, as a clause without a full stop. */
  readonly counterHelp: ReadonlyMap<string, string>;
}

const RARELY: Millis = 10_000;
const TRAFFIC = [
  ['packets_received', 'Datagrams received'],
  ['packets_sent', 'Datagrams sent'],
  ['bytes_received', 'Bytes of datagrams received'],
  ['bytes_sent', 'Bytes of datagrams sent'],
] as const;
const COUNTER_HELP: ReadonlyMap<string, string> = new Map([
  ...Object.values(FACT_TABLE).map(
    ([room, , sentence, counter]) => [counter, `${room}: ${sentence}`] as const,
  ),
  ...TRAFFIC,
]);
/** A field longer than this was not meant to be read. */
const LONGEST_FIELD = 1024;

export function createJournal(logger: Logger, now: () => Millis = () => performance.now()): Journal {
  const counters = new Map<string, number>();
  const count = (name: string, by = 1): void => void counters.set(name, (counters.get(name) ?? 0) + by);
  for (const counter of COUNTER_HELP.keys()) counters.set(counter, 0);
  const quiet = new WarningLimiter(now);
  return {
    counters,
    counterHelp: COUNTER_HELP,
    record: (fact) => {
      const [room, loudness, sentence, counter, fields] = FACT_TABLE[fact.kind] as FactRow<JournalFact>;
      count(counter);
      const { level, unsaid } =
        loudness === 'rateLimited' ? quiet.levelFor(fact.kind) : { level: loudness, unsaid: 0 };
      if (!logger.isLevelEnabled(level)) return;
      const line: Record<string, unknown> = { room, ...pick(fact, fields) };
      if (unsaid > 0) line['unsaid'] = unsaid;
      logger[level](line, sentence);
    },
    recordPacket: (direction, peer, bytes) => {
      count(`packets_${direction}`);
      count(`bytes_${direction}`, bytes);
      if (logger.isLevelEnabled('trace'))
        logger.trace({ room: 'shell', peer: peer.key, bytes }, `packet ${direction}`);
    },
  };
}

/** Lets one line of a kind be loud, then keeps that kind down for a while and counts what was not said. */
class WarningLimiter {
  readonly #now: () => Millis;
  readonly #kinds = new Map<string, { until: Millis; unsaid: number }>();

  constructor(now: () => Millis) {
    this.#now = now;
  }

  levelFor(kind: string): { level: 'warn' | 'debug'; unsaid: number } {
    const now = this.#now();
    const held = this.#kinds.get(kind);
    if (held !== undefined && now < held.until) {
      held.unsaid += 1;
      return { level: 'debug', unsaid: 0 };
    }
    this.#kinds.set(kind, { until: now + RARELY, unsaid: 0 });
    return { level: 'warn', unsaid: held?.unsaid ?? 0 };
  }
}

function pick(fact: JournalFact, fields: readonly string[]): Record<string, unknown> {
  const source = fact as unknown as Readonly<Record<string, unknown>>;
  const picked: Record<string, unknown> = {};
  for (const field of fields) {
    const value = source[field];
    picked[field] = typeof value === 'string' ? escapeUnprintable(value) : value;
  }
  return picked;
}

/** Names come from strangers: nothing in them may move a cursor, end a line or turn writing round. */
export function escapeUnprintable(text: string): string {
  const short = text.length > LONGEST_FIELD ? `${text.slice(0, LONGEST_FIELD)}…` : text;
  return short.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}
