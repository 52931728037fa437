/** What the doctor looks at, and what it finds. Everything comes from the agent's HTTP API; the rules are pure. */
import type { Millis } from '../base/time.ts';

/** `error`: answers are wrong or missing now. `warning`: they may soon be. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note';
export type Layer = 'host' | 'pairs' | 'cluster' | 'services';

export interface DoctorFinding {
  readonly layer: Layer;
  /** For scripts, such as `udpBlocked`. */
  readonly code: string;
  readonly severity: Severity;
  /** The nodes that it is about. */
  readonly nodes: readonly string[];
  /** What is wrong and why, for people. */
  readonly sentence: string;
  readonly evidence: readonly string[];
  /** The command or setting that mends it. */
  readonly fix: string;
}

export interface MemberFact {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly status: string;
  readonly ageMs: Millis;
}

/** A row of `GET /v1/hearsay/warnings`. */
export interface WarningFact {
  readonly kind: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly count: number;
  readonly lastAgoMs: Millis;
}

/** What is known about a member, as `hearsay why NODE` tells it. */
export interface WhyFact {
  readonly diagnosis: string;
  /** What the last accusation came from, as one word, such as `closed`. */
  readonly cause?: string | null | undefined;
  readonly evidence: readonly {
    readonly kind: string;
    readonly observer: string;
    readonly message: string;
    /** How long ago it last occurred. */
    readonly agoMs: Millis;
    readonly count: number;
  }[];
}

/** One way between two agents, as `from` has measured it lately. */
export interface LinkFact {
  readonly from: string;
  readonly to: string;
  /** Short datagrams: sent, answered, and known to have been heard at the other end. */
  readonly sent: number;
  readonly answered: number;
  readonly heard: number;
  /** Datagrams of a test by `to` that `from` has heard. */
  readonly heardBack: number;
  /** In bytes: the longest that was answered, and the shortest that was not, though it was tried several times; 0: none. */
  readonly longest: number;
  readonly blocked: number;
  readonly roundTripMs: Millis | null;
  /** How far the clock of `to` is ahead of that of `from`. */
  readonly clockAheadMs: Millis | null;
  /** Where `to` saw them come from; empty: it has not said. */
  readonly seenFrom: string;
  /** What a ping over TCP came to, such as `acked`; null: none was tried. */
  readonly tcp: string | null;
  readonly agoMs: Millis;
}

export interface KeysFact {
  readonly members: number;
  /** How many members have each key as the primary one, by fingerprint. */
  readonly primaries: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, string>>;
  readonly unresponsive: readonly string[];
}

export interface CheckReport {
  readonly node: string;
  readonly service: string;
  readonly name: string;
  readonly status: string;
  readonly output: string;
}

/** How many instances of a service are there, and how many of them are passing or warning. */
export interface ServiceFact {
  readonly name: string;
  readonly instances: number;
  readonly usable: number;
}

/** One examination: what one agent knows at one moment. */
export interface Facts {
  /** The name of the agent that was asked. */
  readonly self: string;
  readonly members: readonly MemberFact[];
  /** What the agent does not know yet; absent: it is ready. */
  readonly waitingFor?: string | undefined;
  /** Gossip is encrypted. */
  readonly encrypted?: boolean | undefined;
  readonly awareness: number;
  readonly degraded: readonly string[];
  readonly partition: { readonly kind: string; readonly sentence: string };
  readonly warnings: readonly WarningFact[];
  /** By this agent, and by others as far as they were asked. */
  readonly links: readonly LinkFact[];
  readonly whys: ReadonlyMap<string, WhyFact>;
  /** Live members that did not acknowledge a ping query. */
  readonly silent: readonly string[];
  /** Absent: gossip is not encrypted. */
  readonly keys: KeysFact | undefined;
  readonly services: readonly ServiceFact[];
  readonly checks: readonly CheckReport[];
  /** What the agent's DNS server said; absent: DNS is off. */
  readonly dns: { readonly address: string; readonly error: string | undefined } | undefined;
}

/** What happened longer ago is over: a finding must be about now. */
export const RECENT: Millis = 5 * 60_000;

export const recentWarnings = ({ warnings }: Facts, kind: string): readonly WarningFact[] =>
  warnings.filter((one) => one.kind === kind && one.lastAgoMs <= RECENT);

/** A field of a warning as text. */
export const textOf = ({ fields }: WarningFact, name: string): string => String(fields[name] ?? '');

export const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
