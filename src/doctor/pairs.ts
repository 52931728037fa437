/** The layer `pairs`: ways between this agent and others that carry packets one way, not at all, or with other keys. */
import { joinHostPort } from '../base/address.ts';
import {
  type DoctorFinding,
  type Facts,
  RECENT,
  recentWarnings,
  textOf,
  times,
  type WarningFact,
} from './finding.ts';
import { isAnswering, measured, missingKey, PRIMARY_FIX } from './links.ts';

/** A probe fails by chance now and then. */
const MIN_SAVED_PROBES = 3;
/** Members whose suspicions ended well within minutes: packets get lost on the way to all of them, not to one. */
const MIN_DOUBTED = 2;

export function examinePairs(facts: Facts): DoctorFinding[] {
  const blocked = udpBlocked(facts);
  return [
    ...rejected(facts),
    ...blocked,
    ...oneWay(facts),
    ...unverified(facts),
    ...silent(facts, new Set(blocked.flatMap(({ nodes }) => nodes))),
    ...lossy(facts),
  ];
}

interface Meaning {
  readonly code: string;
  readonly says: (from: string, self: string) => string;
  readonly fix: string;
}

/** What a rejected packet says of its sender, by the code of the rejection. */
const REJECTIONS: Readonly<Record<string, Meaning>> = {
  plaintext: {
    code: 'notEncrypted',
    says: (from, self) => `${from} sends gossip without a key, and ${self} has one: neither hears the other`,
    fix: 'give that agent the key of the cluster: HEARSAY_GOSSIP_KEY or --keyring-file',
  },
  encrypted: {
    code: 'noKey',
    says: (from, self) => `${from} encrypts its gossip, and ${self} has no key: neither hears the other`,
    fix: 'give this agent the key of the cluster: HEARSAY_GOSSIP_KEY or --keyring-file',
  },
  undecryptable: {
    code: 'wrongKey',
    says: (from, self) => `${from} encrypts its gossip with a key that ${self} does not have`,
    fix: 'compare the fingerprints of `hearsay keys list` here and there, and give both the same primary key',
  },
  badLabel: {
    code: 'wrongLabel',
    says: (from, self) => `${from} belongs to a cluster with another label than that of ${self}`,
    fix: 'if they belong together, give both the same --label',
  },
  versionMismatch: {
    code: 'wrongVersion',
    says: (from, self) => `${from} speaks a protocol that ${self} does not`,
    fix: 'upgrade the older of the two: `hearsay version`',
  },
};

function rejected(facts: Facts): DoctorFinding[] {
  const found = [...recentWarnings(facts, 'packetRejected'), ...recentWarnings(facts, 'streamRejected')];
  const groups = new Map<
    string,
    { readonly meaning: Meaning; readonly host: string; warnings: WarningFact[] }
  >();
  for (const warning of found) {
    const meaning = REJECTIONS[textOf(warning, 'code')];
    if (meaning === undefined) continue; // garbage of a stranger is no misconfiguration
    const host = textOf(warning, 'from').replace(/:\d+$/, '');
    const key = `${meaning.code} ${host}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { meaning, host, warnings: [warning] });
    else group.warnings.push(warning);
  }
  return [...groups.values()].map(({ meaning, host, warnings }) => {
    const member = facts.members.find(({ addr }) => addr === host);
    const from = member === undefined ? host : `${member.name} (${host})`;
    const count = warnings.reduce((sum, one) => sum + one.count, 0);
    return {
      layer: 'pairs',
      code: meaning.code,
      severity: 'error',
      nodes: [facts.self, ...(member === undefined ? [] : [member.name])],
      sentence: meaning.says(from, facts.self),
      evidence: [`rejected ${times(count)}: ${textOf(warnings[0] as WarningFact, 'detail')}`],
      fix: meaning.fix,
    };
  });
}

function udpBlocked(facts: Facts): DoctorFinding[] {
  return facts.members.flatMap(({ name, addr, port, status }) => {
    const saved = recentEvidence(facts, name, 'probeSavedByTcp').filter(
      ({ observer }) => observer === facts.self,
    );
    // What answers some datagrams is not behind a firewall: they get lost.
    if (status !== 'alive' || saved.length === 0 || isAnswering(facts, name)) return [];
    const probes = saved.reduce((sum, { count }) => sum + count, 0);
    if (probes < MIN_SAVED_PROBES) return [];
    return [
      {
        layer: 'pairs' as const,
        code: 'udpBlocked',
        severity: 'error' as const,
        nodes: [facts.self, name],
        sentence: `UDP between ${facts.self} and ${name} is dropped, and TCP passes: a firewall`,
        evidence: [`${probes} probes of ${name} failed over UDP and succeeded over TCP`],
        fix: `on ${name}, and on each firewall between: nft add rule inet filter input udp dport ${port} accept; on ${facts.self} for answers from ${addr} as well`,
      },
    ];
  });
}

function oneWay(facts: Facts): DoctorFinding[] {
  return facts.members.flatMap(({ name, port }) => {
    const link = (facts.whys.get(name)?.evidence ?? []).findLast(
      ({ kind, observer }) => observer === facts.self && (kind === 'linkOneWay' || kind === 'linkRestored'),
    );
    if (link === undefined || link.kind === 'linkRestored') return [];
    return [
      {
        layer: 'pairs' as const,
        code: 'oneWay',
        severity: 'error' as const,
        nodes: [facts.self, name],
        sentence: `${name} answers others and not ${facts.self}: packets between the two pass one way only`,
        evidence: [link.message],
        fix: `let UDP ${port} pass from ${facts.self} to ${name} and back: nft list ruleset on both hosts and between`,
      },
    ];
  });
}

function unverified(facts: Facts): DoctorFinding[] {
  return recentWarnings(facts, 'memberUnverified').map((warning) => {
    const [name, address] = [textOf(warning, 'node'), textOf(warning, 'address')];
    const evidence = [`pinged there in vain (${times(warning.count)})`];
    // An agent closes the connection of a ping that it cannot read, and of one that is for another name.
    const isOfAnother = facts.members.some((one) => joinHostPort(one.addr, one.port) === address);
    if (facts.encrypted === true && !isOfAnother && textOf(warning, 'streamFailure') === 'closed')
      return missingKey(name, `${name} (${address})`, evidence);
    const advertise = `on ${name}: --advertise ADDRESS:PORT, as others reach it`;
    const cause = 'it is behind address translation, or advertises a wrong address';
    return {
      layer: 'pairs',
      code: 'wrongAddress',
      severity: 'error',
      nodes: [name],
      sentence: facts.encrypted
        ? `${name} announces ${address}, where nobody answers: ${cause}; or it lacks the primary key that the others use`
        : `${name} announces ${address}, where nobody answers: ${cause}`,
      evidence,
      fix: facts.encrypted ? `${advertise}; ${PRIMARY_FIX}` : advertise,
    };
  });
}

function silent(facts: Facts, explained: ReadonlySet<string>): DoctorFinding[] {
  const names = facts.silent.filter((name) => !explained.has(name));
  if (names.length === 0) return [];
  return [
    {
      layer: 'pairs',
      code: 'noAck',
      severity: 'warning',
      nodes: names,
      sentence: `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} alive and did not acknowledge a query: messages get lost on the way, or it is overloaded`,
      evidence: [`${names.length} of ${facts.members.length} members were silent`],
      fix: `hearsay why ${names[0] ?? ''}, and \`hearsay reachability\` again`,
    },
  ];
}

/** Suspicions that others refute one after another are no dying members: packets get lost here. */
function lossy(facts: Facts): DoctorFinding[] {
  const doubted = facts.members.filter(
    ({ name, status }) =>
      status === 'alive' &&
      name !== facts.self &&
      [...recentEvidence(facts, name, 'suspicionRefuted'), ...recentEvidence(facts, name, 'suspicionCleared')]
        .length > 0,
  );
  if (measured(facts).length > 0) return []; // then it is known what gets lost, and where
  const refuted = recentWarnings(facts, 'suspicionRefuted');
  const accusers = new Set(refuted.map((one) => textOf(one, 'by')));
  if (doubted.length < MIN_DOUBTED && accusers.size < MIN_DOUBTED) return [];
  return [
    {
      layer: 'pairs',
      code: 'loss',
      severity: 'warning',
      nodes: [facts.self],
      sentence: `packets to and from ${facts.self} get lost: members are suspected, and prove to be alive`,
      evidence: [
        ...(doubted.length > 0
          ? [`suspected in the last minutes, and alive: ${doubted.map(({ name }) => name).join(', ')}`]
          : []),
        ...(accusers.size > 0 ? [`${facts.self} was suspected by ${[...accusers].join(', ')}`] : []),
      ],
      fix: 'look for a full queue or a bad link: ip -s link; ss -s; ping -i 0.2 -c 50 ADDRESS',
    },
  ];
}

function recentEvidence({ whys }: Facts, name: string, kind: string) {
  return (whys.get(name)?.evidence ?? []).filter((one) => one.kind === kind && one.agoMs <= RECENT);
}
