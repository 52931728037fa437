/** Before an agent exists: what keeps one on this host from joining a seed. The rules are pure; the shell probes. */
import type { DoctorFinding } from './finding.ts';

/** How far a ping over TCP came. */
export type StreamOutcome =
  | 'acked'
  | 'refused'
  | 'unreachable'
  | 'timeout' // no connection
  | 'unanswered' // connected, and silent
  | 'closed' // without an answer, as agents do with a wrong label
  | 'unlabeled' // the same, and a ping without our label was answered
  | 'encrypted'
  | 'plaintext'
  | 'undecryptable'
  | 'foreign'; // an answer that no agent gives

export interface SeedAddressFact {
  /** `host:port`. */
  readonly address: string;
  readonly stream: StreamOutcome;
  /** What the stream said, for people. */
  readonly detail: string;
  /** The sizes of the datagrams that were sent, and whether one of each drew an ack. Empty: none was sent. */
  readonly datagrams: readonly { readonly bytes: number; readonly isAcked: boolean }[];
}

export interface JoinFacts {
  /** As the user wrote it. */
  readonly seed: string;
  /** Why it has no address. */
  readonly error?: string | undefined;
  readonly addresses: readonly SeedAddressFact[];
  /** The fingerprints of this host's keys. */
  readonly keys: readonly string[];
}

interface Meaning {
  readonly code: string;
  readonly sentence: string;
  readonly fix: string;
}

export function examineJoin({ seed, error, addresses, keys }: JoinFacts): DoctorFinding[] {
  if (error !== undefined)
    return [
      {
        ...{ layer: 'host', code: 'unresolved', severity: 'error', nodes: [], evidence: [] },
        sentence: `the seed ${seed} has no address: ${error}`,
        fix: 'correct the name, or join by address; what this host resolves: getent ahosts NAME, and /etc/resolv.conf',
      },
    ];
  // A seed is as good as the best of its addresses: a join tries them all.
  const isJoinable = addresses.some((one) => meaningsOf(one).length === 0);
  return addresses.flatMap((one) =>
    meaningsOf(one).map((meaning) => ({
      ...{ ...meaning, layer: 'pairs' as const, nodes: [] },
      severity: isJoinable ? ('note' as const) : ('error' as const),
      evidence: [
        ...evidenceOf(one),
        ...(meaning.code === 'wrongKey' ? [`the keys here: ${keys.join(', ')}`] : []),
      ],
    })),
  );
}

function meaningsOf(fact: SeedAddressFact): readonly Meaning[] {
  if (fact.stream !== 'acked') return [meaningOfStream(fact)];
  const failed = fact.datagrams.filter(({ isAcked }) => !isAcked);
  if (failed.length === 0) return [];
  const { address } = fact;
  if (failed.length < fact.datagrams.length)
    return [
      {
        code: 'largeDatagrams',
        sentence: `datagrams of ${failed[0]?.bytes} bytes do not reach ${address}, and shorter ones do: a tunnel or a link with a small MTU on the way`,
        fix: `find the size that passes: ping -M do -s 1372 ${hostOf(address)}; then let ICMP "fragmentation needed" pass, or set the MTU of the interface`,
      },
    ];
  return [
    {
      code: 'udpBlocked',
      sentence: `UDP to ${address}, or its answer, is dropped, and TCP passes: a firewall`,
      fix: `on the seed, and on each firewall between: nft add rule inet filter input udp dport ${portOf(address)} accept; here for the answers as well`,
    },
  ];
}

function meaningOfStream({ address, stream, datagrams }: SeedAddressFact): Meaning {
  const isUdpAcked = datagrams.some(({ isAcked }) => isAcked);
  const port = portOf(address);
  switch (stream) {
    case 'refused':
      return {
        code: 'refused',
        sentence: `no agent listens on ${address}: its host refuses the connection`,
        fix: `start the agent there, or correct the port; on the seed: ss -lntu | grep ${port}. Without a key an agent listens on 127.0.0.1 only, unless --bind says otherwise`,
      };
    case 'unreachable':
      return {
        code: 'unreachable',
        sentence: `there is no way to ${address} from this host`,
        fix: `ip route get ${hostOf(address)}; correct the address, or add the route`,
      };
    case 'timeout':
      return isUdpAcked
        ? {
            code: 'tcpBlocked',
            sentence: `TCP to ${address} is dropped, and UDP passes: a firewall`,
            fix: `on the seed, and on each firewall between: nft add rule inet filter input tcp dport ${port} accept`,
          }
        : {
            code: 'timeout',
            sentence: `${address} answers neither over TCP nor over UDP: a firewall drops both, or the host is down`,
            fix: `see whether it is up: ping ${hostOf(address)}; on the seed, and on each firewall between: nft add rule inet filter input meta l4proto '{ tcp, udp }' th dport ${port} accept`,
          };
    case 'unanswered':
      return {
        code: 'unanswered',
        sentence: `${address} accepts the connection, and does not answer: its process hangs, or is no agent`,
        fix: `on the seed: ss -lntp | grep ${port}, and restart the agent if it is one`,
      };
    case 'closed':
      return {
        code: 'wrongLabel',
        sentence: `${address} closes the connection without a word, as the agent of a cluster with another label does`,
        fix: 'give this agent the --label (HEARSAY_LABEL) that the agents of that cluster are started with; if there is none, see what listens there',
      };
    case 'unlabeled':
      return {
        code: 'wrongLabel',
        sentence: `the cluster of ${address} has no label, and one is set here`,
        fix: 'remove --label (HEARSAY_LABEL) here',
      };
    case 'encrypted':
      return {
        code: 'noKey',
        sentence: `the cluster of ${address} encrypts its gossip, and there is no key here`,
        fix: 'give this agent the key of the cluster: HEARSAY_GOSSIP_KEY or --keyring-file',
      };
    case 'plaintext':
      return {
        code: 'notEncrypted',
        sentence: `the cluster of ${address} does not encrypt its gossip, and there is a key here`,
        fix: 'remove HEARSAY_GOSSIP_KEY and --keyring-file here, or give that cluster the key',
      };
    case 'undecryptable':
      return {
        code: 'wrongKey',
        sentence: `the cluster of ${address} encrypts with a key that is not here`,
        fix: 'compare the fingerprints with those of `hearsay keys list` on the seed, and give this agent the primary key of that cluster: HEARSAY_GOSSIP_KEY or --keyring-file',
      };
    case 'foreign':
    case 'acked':
      return {
        code: 'noGossip',
        sentence: `what listens on ${address} does not speak gossip`,
        fix: 'write the gossip port of that agent (7946 by default), not that of HTTP, DNS or RPC: hearsay info there',
      };
  }
}

function evidenceOf({ stream, detail, datagrams }: SeedAddressFact): readonly string[] {
  const over = (acked: boolean): string =>
    datagrams
      .filter(({ isAcked }) => isAcked === acked)
      .map(({ bytes }) => bytes)
      .join(', ');
  return [
    `TCP: ${stream === 'acked' ? 'a ping is answered' : detail}`,
    ...(over(true) === '' ? [] : [`UDP: answered with ${over(true)} bytes`]),
    ...(over(false) === '' ? [] : [`UDP: no answer with ${over(false)} bytes`]),
  ];
}

const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1);
const hostOf = (address: string): string =>
  address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
