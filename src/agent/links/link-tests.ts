/**
 * Link tests measure the way from this agent to others when somebody asks: what passes, how long a datagram may be, how much is lost,
 * from where the others see this agent, and whether their clocks agree. How long a datagram may be counts for later ones, and is
 * tested unasked where long ones seem to get lost (path-tests.ts); nothing else is decided by it.
 */
import { type Address, formatAddress, toAddress } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { AgentError, WireError } from '../../base/errors.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { CAPABILITY, CAPABILITY_TAG } from '../../model/capability.ts';
import { LINKS_QUERY } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryId, QueryReport, SerfEffect } from '../../serf/types.ts';
import type { MembersView, StreamPingOutcome } from '../../swim/types.ts';
import { decodeLink, encodeLinkPong, encodeLinkReport, type LinkPing } from '../../wire/links.ts';
import { Ping } from '../../wire/memberlist.ts';
import type { Command, CommandResult } from '../contract/commands.ts';
import type { LinkReport, LinkSurvey } from '../contract/links.ts';
import type { Effect } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import type { CatalogPeers } from '../replication/catalog-peers.ts';
import type { Packets } from '../transport/packets.ts';
import type { Streams } from '../transport/streams.ts';
import { toRow, toSurvey } from './link-rows.ts';
import { LinkTest, TEST_DURATION } from './link-test.ts';
import { PathTests } from './path-tests.ts';

/** Tests at a time: what the others can make this agent send is bounded. */
const MAX_RUNNING = 8;
/** Of those, tests that nobody has asked for. */
const MAX_UNASKED = 4;
/** A member is not tested again before this time is over. */
const PAUSE: Millis = 300;
/** What was heard longer ago says nothing of the way now. */
const FRESH: Millis = 10_000;
const MAX_REPORTS = 256;
/** Ways that each agent tests for a survey, at most. */
export const MAX_SURVEYED = 8;
/** The longest response to a query, less what is around it. */
const MAX_REPORT_BYTES = 900;

export interface LinkParts {
  readonly members: MembersView;
  readonly catalogPeers: CatalogPeers;
  readonly packets: Packets;
  readonly streams: Streams;
  readonly serf: Serf;
  readonly serfOut: SerfEffect[];
}

export type LinkCommand = Extract<Command, { kind: 'testLinks' | 'surveyLinks' }>;

/** What was heard of the last test of a member. */
interface HeardTest {
  readonly id: number;
  heard: number;
  count: number;
  at: Millis;
}

export class LinkTests {
  readonly paths: PathTests;
  /** This agent's own name. */
  readonly #name: string;
  readonly #parts: LinkParts;
  readonly #rng: Rng;
  /** By their numbers. */
  readonly #running = new Map<number, LinkTest>();
  readonly #reports = new BoundedMap<string, LinkReport>(MAX_REPORTS);
  readonly #heard = new BoundedMap<string, HeardTest>(MAX_REPORTS);
  /** What is added to the monotonic clock to get the time of day. */
  #clockOffset: Millis;

  constructor(
    { name, startedAt, now, rng, swim }: Pick<AgentOptions, 'name' | 'startedAt' | 'now' | 'rng' | 'swim'>,
    parts: LinkParts,
  ) {
    this.paths = new PathTests(
      parts,
      swim.packetBytes,
      ({ identity: { name: node, address } }, at, out) =>
        this.#running.size < MAX_UNASKED && this.#start(node, address, at, out),
    );
    this.#name = name;
    this.#parts = parts;
    this.#rng = rng.derive('links');
    this.#clockOffset = startedAt - now;
  }

  get deadline(): Millis {
    let earliest = NEVER;
    for (const test of this.#running.values()) earliest = Math.min(earliest, test.deadline);
    return earliest;
  }

  /** The wall clock of this host is so much later than it would have been. */
  onClockStep(by: Millis): void {
    this.#clockOffset += by;
  }

  /** The last test of each member. */
  reports(): readonly LinkReport[] {
    return [...this.#reports.values()].filter(({ to }) => this.#parts.members.get(to) !== undefined);
  }

  execute(command: LinkCommand, now: Millis, out: Effect[]): CommandResult {
    if (command.kind === 'surveyLinks')
      return { ok: true, value: this.#survey(validateCount(command.count), now) };
    const wanted = new Set(command.nodes);
    for (const { identity } of this.#parts.catalogPeers.all())
      if (wanted.has(identity.name)) this.#start(identity.name, identity.address, now, out);
    return { ok: true };
  }

  tick(now: Millis, out: Effect[]): void {
    for (const test of this.#running.values()) {
      if (test.until <= now) this.#end(test, now, out);
      else test.advance(now, this.#parts.packets, out);
    }
  }

  /** A message of a link test in a datagram of `from`. Throws `WireError`. */
  receive(body: Uint8Array, from: Address, now: Millis, out: Effect[]): void {
    const message = decodeLink(body);
    if (message.kind === 'linkPing') return this.#onPing(message, from, now, out);
    const seenFrom = formatAddress(toAddress(message.ip, message.port));
    const test = this.#running.get(message.test);
    if (test === undefined) return;
    if (!this.#isOfHost(test.to, from))
      throw new WireError('badValue', `an answer to a link test of ${test.node} from elsewhere`);
    test.onPong(message, seenFrom, this.#clock(now), now);
    if (test.isComplete) this.#end(test, now, out);
  }

  /** False: this ping over TCP is not one of a link test. */
  onStreamPing(seqNo: number, outcome: StreamPingOutcome): boolean {
    const test = this.#running.get(seqNo);
    if (test !== undefined) test.tcp = outcome;
    return test !== undefined;
  }

  /** Answers the query of a survey; `undefined`: it is another query. Its first octet: how many members are to be tested; 0: report. */
  answer(query: string, payload: Uint8Array, now: Millis, out: Effect[]): Uint8Array | undefined {
    if (query !== LINKS_QUERY) return undefined;
    const count = Math.min(payload[0] ?? 0, MAX_SURVEYED);
    for (const { identity } of this.#parts.catalogPeers.ringAround(count))
      this.#start(identity.name, identity.address, now, out);
    const rows = count > 0 ? [] : [...this.reports()].sort((a, b) => b.at - a.at);
    return encodeLinkReport(
      rows.map((report) => toRow(report, this.#countHeard(report.to, now))),
      MAX_REPORT_BYTES,
    );
  }

  /** The state of a survey that this agent has started; `undefined`: there is none of this ID. */
  survey(id: QueryId, now: Millis): LinkSurvey | undefined {
    const report = this.#parts.serf.queryReport(id);
    if (report?.name !== LINKS_QUERY) return undefined;
    const expected = [this.#name, ...this.#parts.catalogPeers.all().map(({ identity }) => identity.name)];
    return toSurvey(report, expected, now);
  }

  #survey(count: number, now: Millis): QueryReport {
    const { serf, serfOut, catalogPeers } = this.#parts;
    const expected = catalogPeers.presentCount + 1;
    const query = {
      ...{ name: LINKS_QUERY, payload: Uint8Array.of(count), nodes: [], ack: false, relayFactor: 2 },
      ...{ tags: new Map([[CAPABILITY_TAG, `^${CAPABILITY}$`]]), timeout: TEST_DURATION },
    };
    return serf.query(query, now, serfOut, ({ responses }) => responses.length >= expected);
  }

  #start(node: string, to: Address, now: Millis, out: Effect[]): boolean {
    const { packets, streams } = this.#parts;
    const last = this.#reports.get(node)?.at;
    const isRunning = [...this.#running.values()].some((test) => test.node === node);
    if (isRunning || this.#running.size >= MAX_RUNNING || (last !== undefined && now - last < PAUSE))
      return false;
    const test = new LinkTest(1 + this.#rng.int(0xffff_ffff), this.#name, node, to, now);
    this.#running.set(test.id, test);
    test.advance(now, packets, out);
    streams.dialPing(to, Ping.create({ seqNo: test.id, node }), test.until, out);
    return true;
  }

  #end(test: LinkTest, now: Millis, out: Effect[]): void {
    this.#running.delete(test.id);
    if (test.isVoid || now - test.until > PAUSE) return;
    const report = test.report(this.#countHeard(test.node, now), now);
    this.#reports.set(test.node, report);
    this.paths.onTested(report, now, out);
  }

  #onPing({ test, seq, from: node }: LinkPing, from: Address, now: Millis, out: Effect[]): void {
    const { members, packets } = this.#parts;
    if (members.get(node) === undefined)
      throw new WireError('badValue', `a link test of ${node}, which is no member`);
    let known = this.#heard.get(node);
    if (known?.id !== test) known = { id: test, heard: 0, count: 0, at: now };
    const bit = 2 ** seq;
    if (Math.floor(known.heard / bit) % 2 === 0)
      known = { ...known, heard: known.heard + bit, count: known.count + 1 };
    this.#heard.set(node, { ...known, at: now });
    const pong = { test, seq, heard: known.heard, ip: from.ip, port: from.port, clock: this.#clock(now) };
    packets.sendUserMessage(from, encodeLinkPong(pong), out);
  }

  /** A host of several addresses may answer from another than it was asked at, but from no port or member but its own. */
  #isOfHost(asked: Address, from: Address): boolean {
    if (formatAddress(from) === formatAddress(asked)) return true;
    return from.port === asked.port && !this.#parts.members.isHostOfMember(from);
  }

  /** The pings of its last test, unless that is over for long. */
  #countHeard(node: string, now: Millis): number {
    const heard = this.#heard.get(node);
    return heard !== undefined && now - heard.at <= FRESH ? heard.count : 0;
  }

  #clock(now: Millis): Millis {
    return Math.max(0, Math.round(now + this.#clockOffset));
  }
}

/** Throws for a number of members that a survey cannot test. */
function validateCount(count: number): number {
  if (Number.isInteger(count) && count >= 0 && count <= MAX_SURVEYED) return count;
  throw new AgentError('badRequest', `each agent tests 1 to ${MAX_SURVEYED} others`);
}
