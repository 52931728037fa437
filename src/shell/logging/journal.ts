/** The journal turns facts into log lines and counters, both from the fact table. A packet is a line at `trace`. */
import type { Logger } from 'pino';
import type { RecentWarning } from '../../agent/contract/feeds.ts';
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { Component, FactLevel, FactRow } from './fact-row.ts';
import { FACT_TABLE } from './fact-table.ts';
import type { JournalFact } from './facts.ts';
import { RecentWarnings } from './recent-warnings.ts';

export interface Journal {
  record(fact: JournalFact): void;
  /** Counts a packet; a line at `trace`. */
  recordPacket(direction: 'received' | 'sent', peer: Address, bytes: number): void;
  /** What was warned of in the last hour, grouped, the latest first. */
  recentWarnings(): readonly RecentWarning[];
  /** Counts since the start, by name. Every counter of the table exists from the beginning. */
  readonly counters: ReadonlyMap<string, number>;
  /** Prometheus help of each counter, without a full stop. */
  readonly counterHelp: ReadonlyMap<string, string>;
}

const WARNING_INTERVAL: Millis = 10_000;
const WARNING_LEVELS: ReadonlySet<FactLevel> = new Set(['rateLimited', 'warn', 'error', 'fatal']);
const PACKET_COUNTERS = [
  ['packets_received', 'Datagrams received'],
  ['packets_sent', 'Datagrams sent'],
  ['bytes_received', 'Bytes of datagrams received'],
  ['bytes_sent', 'Bytes of datagrams sent'],
] as const;
const COUNTER_HELP: ReadonlyMap<string, string> = new Map([
  ...Object.values(FACT_TABLE).map(
    ([component, , message, counter]) => [counter, `${component}: ${message}`] as const,
  ),
  ...PACKET_COUNTERS,
]);
/** Longer fields are cut: a name from the network may have any length. */
const MAX_FIELD_LENGTH = 1024;
const NET: Component = 'net';

export function createJournal(logger: Logger, now: () => Millis = () => performance.now()): Journal {
  const counters = new Map<string, number>();
  const count = (name: string, by = 1): void => void counters.set(name, (counters.get(name) ?? 0) + by);
  for (const counter of COUNTER_HELP.keys()) counters.set(counter, 0);
  const limiter = new WarningLimiter(now);
  const warnings = new RecentWarnings(now);
  return {
    counters,
    counterHelp: COUNTER_HELP,
    recentWarnings: () => warnings.list(),
    record: (fact) => {
      const [component, rowLevel, message, counter, fields] = FACT_TABLE[fact.kind] as FactRow<JournalFact>;
      const tableLevel = typeof rowLevel === 'function' ? rowLevel(fact) : rowLevel;
      count(counter);
      if (WARNING_LEVELS.has(tableLevel))
        warnings.record({ component, kind: fact.kind, message, fields: pick(fact, fields) });
      const { level, suppressed } =
        tableLevel === 'rateLimited' ? limiter.levelFor(fact.kind) : { level: tableLevel, suppressed: 0 };
      if (!logger.isLevelEnabled(level)) return;
      const line: Record<string, unknown> = { component, ...pick(fact, fields) };
      if (suppressed > 0) line['suppressed'] = suppressed;
      logger[level](line, message);
    },
    recordPacket: (direction, peer, bytes) => {
      count(`packets_${direction}`);
      count(`bytes_${direction}`, bytes);
      if (logger.isLevelEnabled('trace'))
        logger.trace({ component: NET, peer: peer.key, bytes }, `packet ${direction}`);
    },
  };
}

/** Allows one warning of a kind per interval. Further ones are debug lines, counted for the next warning. */
class WarningLimiter {
  readonly #now: () => Millis;
  readonly #kinds = new Map<string, { until: Millis; suppressed: number }>();

  constructor(now: () => Millis) {
    this.#now = now;
  }

  levelFor(kind: string): { level: 'warn' | 'debug'; suppressed: number } {
    const now = this.#now();
    const last = this.#kinds.get(kind);
    if (last !== undefined && now < last.until) {
      last.suppressed += 1;
      return { level: 'debug', suppressed: 0 };
    }
    this.#kinds.set(kind, { until: now + WARNING_INTERVAL, suppressed: 0 });
    return { level: 'warn', suppressed: last?.suppressed ?? 0 };
  }
}

function pick(fact: JournalFact, fields: readonly string[]): Record<string, unknown> {
  const source = fact as unknown as Readonly<Record<string, unknown>>;
  const picked: Record<string, unknown> = {};
  for (const field of fields) {
    const value = source[field];
    picked[field] = toLogged(value);
  }
  return picked;
}

/** Numbers are measurements in the unit that their name says: parts of it are noise. */
function toLogged(value: unknown): unknown {
  if (typeof value === 'string') return escapeUnprintable(value);
  return typeof value === 'number' ? Math.round(value) : value;
}

/**
 * Guards against log injection: names come from untrusted senders, and nothing in them may move the cursor, end a line
 * or change the direction of writing.
 */
export function escapeUnprintable(text: string): string {
  const short = text.length > MAX_FIELD_LENGTH ? `${text.slice(0, MAX_FIELD_LENGTH)}…` : text;
  return short.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}
