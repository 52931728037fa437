/** The layer `pairs`, as measured: what link tests say of the ways between agents, and of their clocks. */
import type { Millis } from '../base/time.ts';
import type { DoctorFinding, Facts, LinkFact, MemberFact } from './finding.ts';

/** What was measured longer ago may be mended. */
const FRESH: Millis = 60_000;
/** Short pings that say something of loss, and the part of them that may get lost on a sound link that is busy. */
const MIN_SENT = 10;
const MAX_LOST = 0.15;
/** Gossip fills datagrams up to this size; that longer ones do not pass harms nobody. */
const LONGEST_GOSSIP = 1400;
/** Clocks that are kept by NTP differ by milliseconds. */
const MAX_CLOCK_ERROR: Millis = 2000;
/** A member is to blame if so many of its ways are bad, and at least two. */
const MOST = 0.6;

export function examineLinks(facts: Facts): DoctorFinding[] {
  const links = measured(facts);
  return [
    ...hung(facts, links),
    ...blocked(facts, links),
    ...keyless(facts, links),
    ...large(facts, links),
    ...lossy(links),
    ...clocks(links),
  ];
}

/** The ways to members that are up, as far as they were measured lately. */
export function measured({ links, members }: Facts): readonly LinkFact[] {
  const up = new Set(members.filter(({ status }) => UP.has(status)).map(({ name }) => name));
  return links.filter(({ to, agoMs, sent }) => agoMs <= FRESH && sent >= MIN_SENT && up.has(to));
}

const UP: ReadonlySet<string> = new Set(['alive', 'suspect']);

/** Something has come back from there lately. */
export const isAnswering = (facts: Facts, node: string): boolean =>
  measured(facts).some(({ from, to, answered }) => from === facts.self && to === node && answered > 0);

function hung({ members }: Facts, links: readonly LinkFact[]): DoctorFinding[] {
  const stuck = links.filter(({ answered, tcp }) => answered === 0 && tcp === 'unanswered');
  return groupBy(stuck, ({ to }) => to).map(([node, ways]) =>
    hangs(node, addressOf(members, node), [`found by ${ways.map(({ from }) => from).join(', ')}`]),
  );
}

export const hangs = (node: string, address: string, evidence: readonly string[]): DoctorFinding => ({
  layer: 'host',
  code: 'hung',
  severity: 'error',
  nodes: [node],
  sentence: `${node} accepts connections, and its process does not answer: it is stopped, or it hangs`,
  evidence,
  fix: `on ${node} (${address}): ps -o pid,stat,args -C node,hearsay; a process in state T goes on with kill -CONT PID; else systemctl restart hearsay`,
});

/** What an agent does that cannot read what it is sent: it is silent over UDP, and closes streams. */
function keyless({ encrypted, members }: Facts, links: readonly LinkFact[]): DoctorFinding[] {
  const closed = links.filter(({ answered, tcp }) => answered === 0 && tcp === 'closed');
  return encrypted !== true
    ? []
    : groupBy(closed, ({ to }) => to).map(([node, ways]) =>
        missingKey(node, `${node} (${addressOf(members, node)})`, [
          `found by ${ways.map(({ from }) => from).join(', ')}`,
        ]),
      );
}

/** For an agent that others cannot reach any more: a rotation has missed it, or it was started with an older keyring. */
export const PRIMARY_FIX =
  'compare the fingerprints of `hearsay keys list` on both, and start it with the primary key of the others: HEARSAY_GOSSIP_KEY or --keyring-file';

export const missingKey = (node: string, where: string, evidence: readonly string[]): DoctorFinding => ({
  layer: 'pairs',
  code: 'missingKey',
  severity: 'error',
  nodes: [node],
  sentence: `${where} closes each connection without an answer: it lacks the primary key that the others encrypt with`,
  evidence,
  fix: PRIMARY_FIX,
});

/** UDP does not come through, and TCP does. Where both ends have measured, it is known which way. */
function blocked({ members }: Facts, links: readonly LinkFact[]): DoctorFinding[] {
  const dead = links.filter(({ answered, tcp }) => answered === 0 && tcp === 'acked');
  return groupBy(dead, ({ from, to }) => [from, to].sort().join(' ')).map(([, [way]]) => {
    const { from, to, heard, heardBack } = way as LinkFact;
    const back = links.find((one) => one.from === to && one.to === from);
    const there = heard > 0 || (back?.heardBack ?? 0) > 0;
    const hither = heardBack > 0 || (back?.heard ?? 0) > 0;
    if (there !== hither) return there ? oneWay(members, to, from) : oneWay(members, from, to);
    return {
      layer: 'pairs',
      code: 'udpBlocked',
      severity: 'error',
      nodes: [from, to],
      sentence: `UDP between ${from} and ${to} is dropped, and TCP passes: a firewall`,
      evidence: [`none of the datagrams of a test by ${from} was answered; a ping over TCP was`],
      fix: `on ${to}, and on each firewall between: ${acceptRule(members, from, to)}; on ${from}: ${acceptRule(members, to, from)}`,
    };
  });
}

const oneWay = (members: readonly MemberFact[], from: string, to: string): DoctorFinding => ({
  layer: 'pairs',
  code: 'oneWay',
  severity: 'error',
  nodes: [from, to],
  sentence: `UDP from ${from} to ${to} is dropped; it passes from ${to} to ${from}, and TCP passes: a firewall`,
  evidence: [`${from} has heard datagrams of ${to}, and ${to} none of ${from}`],
  fix: `on ${to}, and on each firewall between: ${acceptRule(members, from, to)}`,
});

function acceptRule(members: readonly MemberFact[], from: string, to: string): string {
  const source = members.find(({ name }) => name === from)?.addr ?? from;
  const port = members.find(({ name }) => name === to)?.port ?? 7946;
  return `nft add rule inet filter input ${source.includes(':') ? 'ip6' : 'ip'} saddr ${source} udp dport ${port} accept`;
}

function large({ members }: Facts, links: readonly LinkFact[]): DoctorFinding[] {
  const short = links.filter(({ blocked: size }) => size > 0 && size <= LONGEST_GOSSIP);
  return groupBy(short, ({ to }) => to).map(([node, ways]) => {
    const size = Math.min(...ways.map(({ blocked: bytes }) => bytes));
    const longest = Math.max(...ways.map(({ longest: bytes }) => bytes));
    const sources = ways.map(({ from }) => from);
    return {
      layer: 'pairs',
      code: 'largeDatagrams',
      severity: 'error',
      nodes: [...sources, node],
      sentence: `datagrams of ${size} bytes and more from ${sources.join(', ')} do not reach ${node}, and shorter ones do: a tunnel or a link with a small MTU on the way`,
      evidence: [
        `the longest that was answered has ${longest} bytes; gossip has up to ${LONGEST_GOSSIP} where that passes; here news goes in shorter ones, and by TCP`,
      ],
      fix: `find the size that passes: ping -M do -s ${size} ${addressOf(members, node)}; then let ICMP "fragmentation needed" pass, or set the MTU of the interface: ip link set dev DEVICE mtu SIZE`,
    };
  });
}

const lossOf = ({ sent, answered }: LinkFact): number => 1 - answered / sent;

/** Where most ways of one member are bad, it is that member; else it is the way. */
function lossy(links: readonly LinkFact[]): DoctorFinding[] {
  const bad = links.filter((one) => one.answered > 0 && lossOf(one) > MAX_LOST);
  const waysOf = (node: string, ways: readonly LinkFact[]): readonly LinkFact[] =>
    ways.filter(({ from, to }) => from === node || to === node);
  const othersOf = (node: string): number =>
    new Set(waysOf(node, bad).flatMap(({ from, to }) => [from, to])).size - 1;
  const blamed = new Set<string>();
  const findings: DoctorFinding[] = [];
  for (const node of new Set(bad.flatMap(({ from, to }) => [from, to]))) {
    const [all, worse] = [waysOf(node, links), waysOf(node, bad)];
    if (othersOf(node) < 2 || worse.length < MOST * all.length) continue;
    blamed.add(node);
    findings.push(lossFinding([node], `the datagrams to and from ${node}`, worse));
  }
  const rest = bad.filter(({ from, to }) => !blamed.has(from) && !blamed.has(to));
  for (const [, ways] of groupBy(rest, ({ from, to }) => [from, to].sort().join(' '))) {
    const { from, to } = ways[0] as LinkFact;
    findings.push(lossFinding([from, to], `the datagrams between ${from} and ${to}`, ways));
  }
  return findings;
}

function lossFinding(nodes: readonly string[], what: string, ways: readonly LinkFact[]): DoctorFinding {
  const sent = ways.reduce((sum, one) => sum + one.sent, 0);
  const answered = ways.reduce((sum, one) => sum + one.answered, 0);
  return {
    layer: 'pairs',
    code: 'loss',
    severity: 'warning',
    nodes,
    sentence: `${Math.round(100 * (1 - answered / sent))} % of ${what} get lost, there or back`,
    evidence: ways
      .slice(0, 4)
      .map((one) => `${one.from} to ${one.to}: ${one.answered} of ${one.sent} answered`),
    fix: `look for a full queue or a bad link on ${nodes.join(' and ')}: ip -s link; nstat -az UdpRcvbufErrors; ping -i 0.2 -c 50 ADDRESS`,
  };
}

/** Where three or more clocks are known, the one that differs from most is wrong. */
function clocks(links: readonly LinkFact[]): DoctorFinding[] {
  const ahead = clocksAhead(links);
  const median = [...ahead.values()].sort((a, b) => a - b)[Math.floor((ahead.size - 1) / 2)] ?? 0;
  const wrong = [...ahead].filter(([, by]) => Math.abs(by - median) > MAX_CLOCK_ERROR);
  const describe = (by: Millis): string => `${formatSpan(Math.abs(by))} ${by > 0 ? 'ahead' : 'behind'}`;
  return wrong.map(([node, by]) => {
    const other = [...ahead.keys()].find((name) => name !== node) ?? '';
    const isOne = ahead.size > 2;
    return {
      layer: 'host',
      code: 'clock',
      severity: 'warning',
      nodes: isOne ? [node] : [node, other],
      sentence: isOne
        ? `the clock of ${node} is ${describe(by - median)}`
        : `the clock of ${node} is ${describe(by - median)} of that of ${other}: one of the two is wrong`,
      evidence: [`compared with ${ahead.size - 1} ${ahead.size === 2 ? 'other' : 'others'} by link tests`],
      fix: `on ${isOne ? node : 'both'}: timedatectl; then timedatectl set-ntp true, or chronyc makestep`,
    };
  });
}

/** How far the clocks of all members that can be compared are ahead of one of them, over as many ways as that takes. */
function clocksAhead(links: readonly LinkFact[]): ReadonlyMap<string, Millis> {
  const ways = links.flatMap(({ from, to, clockAheadMs: by, roundTripMs }) =>
    by === null || roundTripMs === null
      ? []
      : [
          { from, to, by },
          { from: to, to: from, by: 0 - by },
        ],
  );
  const first = ways[0]?.from;
  const ahead = new Map<string, Millis>(first === undefined ? [] : [[first, 0]]);
  for (const [name, offset] of ahead)
    for (const { from, to, by } of ways) if (from === name && !ahead.has(to)) ahead.set(to, offset + by);
  return ahead;
}

function formatSpan(millis: Millis): string {
  const seconds = Math.round(millis / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

const addressOf = (members: readonly MemberFact[], node: string): string =>
  members.find(({ name }) => name === node)?.addr ?? node;

function groupBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups];
}
