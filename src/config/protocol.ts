/** The settings of the protocol, for swim/, serf/ and agent/. Defaults are those of the `lan` preset. */
import {
  booleanSetting,
  defineSection,
  durationSetting,
  integerSetting,
  type SettingValues,
} from './setting.ts';

/** Longer user events and queries are refused by every agent. Source: serf, the hard limit of UserEventSizeLimit. */
const MAX_MESSAGE_BYTES = 9216;

export const swimSection = defineSection({
  probeInterval: durationSetting({
    default: '1s',
    min: '10ms',
    doc: 'Time between two probes, each of one member. A shorter one detects failures sooner and sends more packets.',
    source: 'memberlist Config.ProbeInterval',
  }),
  probeTimeout: durationSetting({
    default: '500ms',
    min: '5ms',
    doc: 'How long to wait for the ack of a direct probe before other members are asked to probe.',
    source: 'memberlist Config.ProbeTimeout',
  }),
  indirectChecks: integerSetting({
    default: 3,
    max: 32,
    doc: 'Number of members asked for an indirect probe.',
    source: 'memberlist Config.IndirectChecks',
  }),
  streamPing: booleanSetting({
    default: true,
    doc: 'Probe over TCP as well when a direct probe over UDP fails.',
    offDoc: 'Never probe over TCP, not even when a direct probe over UDP fails.',
    source: 'memberlist Config.DisableTcpPings, inverted',
  }),
  awarenessMax: integerSetting({
    default: 8,
    min: 1,
    max: 64,
    doc: 'Upper bound of the local health score (awareness) plus one; probes slow down by the score.',
    source: 'memberlist Config.AwarenessMaxMultiplier',
  }),
  buddy: booleanSetting({
    default: true,
    doc: 'Tell a suspect of the suspicion in the probe itself (buddy system).',
    offDoc: 'Leave it to gossip to tell a suspect of the suspicion (no buddy system).',
    source: 'Lifeguard §IV-C; memberlist always does',
  }),
  stallGuard: booleanSetting({
    default: true,
    doc: 'Ignore timeouts that expire while the event loop of this agent is stalled.',
    offDoc: 'Count timeouts that expire while the event loop of this agent is stalled.',
    source: 'this program; memberlist does not notice',
  }),
  lastCall: booleanSetting({
    default: true,
    doc: 'Probe a suspect once more, over TCP as well, before it is declared dead.',
    offDoc: 'Declare a suspect dead when its time is over, without another probe.',
    source: 'this program; memberlist relies on the timer alone',
  }),
  watchedMembers: integerSetting({
    default: 3,
    max: 16,
    doc: 'Number of members to each of which this agent keeps an idle connection, so that it learns at once if their process ends. 0: none. Needs streamPing.',
    source: 'this program; memberlist relies on probes alone',
  }),
  closeGrace: durationSetting({
    default: '1s',
    max: '1m',
    doc: 'How long after its connection closed, while its host refuses others, a member is declared failed. An agent that is restarted in place within this time is never shown as failed.',
    source: 'this program',
  }),
  suspicionMult: integerSetting({
    default: 4,
    min: 1,
    max: 64,
    doc: 'Multiplier of the time a suspect has to refute.',
    source: 'memberlist Config.SuspicionMult',
  }),
  suspicionMaxTimeoutMult: integerSetting({
    default: 6,
    min: 1,
    max: 64,
    doc: 'How many times longer a suspicion that nobody confirms may last.',
    source: 'memberlist Config.SuspicionMaxTimeoutMult',
  }),
  retransmitMult: integerSetting({
    default: 4,
    min: 1,
    max: 64,
    doc: 'Multiplier of the number of times a broadcast is sent.',
    source: 'memberlist Config.RetransmitMult',
  }),
  gossipInterval: durationSetting({
    default: '200ms',
    min: '5ms',
    doc: 'Time between two rounds of gossip.',
    source: 'memberlist Config.GossipInterval',
  }),
  gossipNodes: integerSetting({
    default: 3,
    min: 1,
    max: 32,
    doc: 'Number of members that each round of gossip is sent to.',
    source: 'memberlist Config.GossipNodes',
  }),
  eagerGossip: booleanSetting({
    default: true,
    doc: 'Send the first copies of news at once, and only the others at the rounds of gossip.',
    offDoc: 'Send all copies of news at the rounds of gossip, as memberlist does.',
    source: 'this program; memberlist sends all at the rounds',
  }),
  gossipToTheDeadTime: durationSetting({
    default: '30s',
    doc: 'How long a dead member still receives gossip and keeps its row, so that it can refute.',
    source: 'memberlist Config.GossipToTheDeadTime',
  }),
  deadNodeReclaimTime: durationSetting({
    default: '0s',
    doc: 'Time after which another address may claim the name of a dead member. 0: only once the member is dropped, or its old address was asked and did not answer.',
    source: 'memberlist Config.DeadNodeReclaimTime',
  }),
  dialBack: booleanSetting({
    default: true,
    doc: 'Ping a new member that no other member vouches for before announcing it, and a member of which others say that it left or is dead before believing it.',
    offDoc:
      'Believe what others say of a new member, and of a member that left or is dead, without asking that member.',
    source:
      'this program; memberlist announces every node that dials, and believes a leave and a death from anybody',
  }),
  pushPullInterval: durationSetting({
    default: '30s',
    min: '100ms',
    doc: 'Time between two full syncs (push/pull) with a random member; longer in clusters of more than 32 members.',
    source: 'memberlist Config.PushPullInterval',
  }),
  streamTimeout: durationSetting({
    default: '10s',
    min: '100ms',
    doc: 'Time limit for one exchange over TCP.',
    source: 'memberlist Config.TCPTimeout',
  }),
  maxMembers: integerSetting({
    default: 16_384,
    min: 16,
    max: 65_536,
    doc: 'Most members that this agent keeps, failed ones included. Beyond that a new one must answer a ping, and takes the place of one that never did.',
    source: 'this program; memberlist has no bound',
  }),
  packetBytes: integerSetting({
    default: 1400,
    min: 512,
    max: 65_000,
    doc: 'Maximum size of one datagram, in bytes.',
    source: 'memberlist Config.UDPBufferSize',
  }),
  compression: booleanSetting({
    default: true,
    doc: 'Compress what is sent (LZW): datagrams and streams of 256 bytes or more, where that makes them shorter. Compressed messages of other members are always understood.',
    offDoc:
      'Send everything uncompressed: up to twice the bytes when many members join, and a little less processor time.',
    source: 'memberlist Config.EnableCompression',
  }),
});
export type SwimConfig = SettingValues<typeof swimSection>;

export const serfSection = defineSection({
  protocol: integerSetting({
    default: 5,
    min: 3,
    max: 5,
    doc: 'Serf protocol version that this agent announces, for agents that understand no later one. Members that speak 2 to 5 are always understood.',
    source:
      'serf agent -protocol; 2 is not offered, since it has only one tag, and the catalog is announced by another',
  }),
  broadcastTimeout: durationSetting({
    default: '5s',
    doc: 'How long leaving waits for its message to spread.',
    source: 'serf Config.BroadcastTimeout',
  }),
  leavePropagateDelay: durationSetting({
    default: '1s',
    doc: 'How long an agent still answers probes after it has left.',
    source: 'serf Config.LeavePropagateDelay',
  }),
  recentIntentTimeout: durationSetting({
    default: '5m',
    doc: 'How long an intent for an unknown member is kept.',
    source: 'serf Config.RecentIntentTimeout',
  }),
  reconnectInterval: durationSetting({
    default: '30s',
    min: '100ms',
    doc: 'Time between two attempts to reconnect to a failed member.',
    source: 'serf Config.ReconnectInterval',
  }),
  reconnectTimeout: durationSetting({
    default: '24h',
    doc: 'Time after which a failed member is reaped.',
    source: 'serf Config.ReconnectTimeout',
  }),
  tombstoneTimeout: durationSetting({
    default: '24h',
    doc: 'Time after which a member that left is reaped.',
    source: 'serf Config.TombstoneTimeout',
  }),
  reapInterval: durationSetting({
    default: '15s',
    min: '100ms',
    doc: 'Time between two runs of the reaper.',
    source: 'serf Config.ReapInterval',
  }),
  eventBuffer: integerSetting({
    default: 512,
    min: 1,
    max: 65_536,
    doc: 'Number of recent user events, and of queries, kept to recognize duplicates.',
    source: 'serf Config.EventBuffer, QueryBuffer',
  }),
  nameVote: booleanSetting({
    default: true,
    doc: 'Resolve name conflicts by a vote of the members, after which the losing node stops.',
    offDoc: 'Leave name conflicts unresolved: both nodes keep running.',
    source: 'serf Config.EnableNameConflictResolution',
  }),
  eventBytes: integerSetting({
    default: 512,
    min: 64,
    max: MAX_MESSAGE_BYTES,
    doc: 'Maximum size of a user event that this agent sends, in bytes: name, payload and message. Set it alike on all agents. Above 1200 it needs a larger swim.packetBytes.',
    source: 'serf Config.UserEventSizeLimit; at most what fits a datagram with all envelopes',
  }),
  queryBytes: integerSetting({
    default: 1024,
    min: 256,
    max: MAX_MESSAGE_BYTES,
    doc: 'Maximum size of a query that this agent sends, in bytes, filters included. Set it alike on all agents. Above 1200 it needs a larger swim.packetBytes.',
    source: 'serf Config.QuerySizeLimit',
  }),
  queryResponseBytes: integerSetting({
    default: 1024,
    min: 256,
    max: MAX_MESSAGE_BYTES,
    doc: 'Maximum size of a response to a query, in bytes, and of one that is relayed. It travels in a datagram of its own.',
    source: 'serf Config.QueryResponseSizeLimit',
  }),
  coalescePeriod: durationSetting({
    default: '3s',
    max: '10m',
    doc: 'Maximum time that member changes are gathered before handlers run; 0 runs them for each change.',
    source: 'serf Config.CoalescePeriod; the default of its agent',
  }),
  quiescentPeriod: durationSetting({
    default: '1s',
    max: '10m',
    doc: 'Time without a further change after which handlers run earlier; 0 runs them for each change.',
    source: 'serf Config.QuiescentPeriod; the default of its agent',
  }),
  userCoalescePeriod: durationSetting({
    default: '3s',
    max: '10m',
    doc: 'As coalescePeriod, for user events that may be coalesced: only the newest of each name is kept.',
    source: 'serf Config.UserCoalescePeriod; the default of its agent',
  }),
  userQuiescentPeriod: durationSetting({
    default: '1s',
    max: '10m',
    doc: 'As quiescentPeriod, for user events that may be coalesced.',
    source: 'serf Config.UserQuiescentPeriod; the default of its agent',
  }),
  maxQueueDepth: integerSetting({
    default: 4096,
    min: 16,
    doc: 'Maximum number of messages in a broadcast queue; beyond it the most-sent are dropped.',
    source: 'serf Config.MaxQueueDepth',
  }),
});
export type SerfConfig = SettingValues<typeof serfSection>;
