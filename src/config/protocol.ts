/** The settings of the protocol core: what swim/, serf/ and agent/ receive. Defaults are the `lan` preset. */
import {
  booleanSetting,
  defineSection,
  durationSetting,
  integerSetting,
  type SettingValues,
} from './setting.ts';

export const swimSection = defineSection({
  probeInterval: durationSetting({
    default: '1s',
    min: '10ms',
    doc: 'Time between two probes of one member each. Shorter: sooner detection, more packets.',
    source: 'memberlist Config.ProbeInterval',
  }),
  probeTimeout: durationSetting({
    default: '500ms',
    min: '5ms',
    doc: 'How long a direct probe waits for its ack before others are asked to try.',
    source: 'memberlist Config.ProbeTimeout',
  }),
  indirectChecks: integerSetting({
    default: 3,
    max: 32,
    doc: 'How many members are asked to probe on our behalf.',
    source: 'memberlist Config.IndirectChecks',
  }),
  streamPing: booleanSetting({
    default: true,
    doc: 'Probe over TCP as well when a direct probe by UDP fails.',
    source: 'memberlist Config.DisableTcpPings, turned round',
  }),
  awarenessMax: integerSetting({
    default: 8,
    min: 1,
    max: 64,
    doc: 'Upper bound of the local health score plus one; probes slow down by the score.',
    source: 'memberlist Config.AwarenessMaxMultiplier',
  }),
  buddy: booleanSetting({
    default: true,
    doc: 'Tell a suspect in the probe itself that it is suspected, so that it can refute with its answer.',
    source: 'Lifeguard §IV-C; memberlist always does',
  }),
  stallGuard: booleanSetting({
    default: true,
    doc: 'When our own loop comes late, blame ourselves: what ran out meanwhile accuses nobody.',
    source: 'this program; memberlist does not notice',
  }),
  lastCall: booleanSetting({
    default: true,
    doc: 'Ask a suspect once more, over a stream as well, before it is declared dead.',
    source: 'this program; memberlist goes by the clock alone',
  }),
  suspicionMult: integerSetting({
    default: 4,
    min: 1,
    max: 64,
    doc: 'Scales the time a suspect has to refute.',
    source: 'memberlist Config.SuspicionMult',
  }),
  suspicionMaxTimeoutMult: integerSetting({
    default: 6,
    min: 1,
    max: 64,
    doc: 'How much longer a suspicion nobody confirms may last.',
    source: 'memberlist Config.SuspicionMaxTimeoutMult',
  }),
  retransmitMult: integerSetting({
    default: 4,
    min: 1,
    max: 64,
    doc: 'Scales how often a broadcast is sent before it is dropped.',
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
    doc: 'Members each round of gossip goes to.',
    source: 'memberlist Config.GossipNodes',
  }),
  gossipToTheDeadTime: durationSetting({
    default: '30s',
    doc: 'How long a dead member still gets gossip, and keeps its row, so that it can refute.',
    source: 'memberlist Config.GossipToTheDeadTime',
  }),
  deadNodeReclaimTime: durationSetting({
    default: '0s',
    doc: 'After this long a dead name may return under another address; 0 waits until its row is dropped, or its old address has been asked and is silent.',
    source: 'memberlist Config.DeadNodeReclaimTime',
  }),
  dialBack: booleanSetting({
    default: true,
    doc: 'Ask a newcomer that nobody vouches for whether it hears us, before others are told of it.',
    source: 'this program; memberlist announces whoever dials',
  }),
  pushPullInterval: durationSetting({
    default: '30s',
    min: '100ms',
    doc: 'Time between two full exchanges with one random member; longer in clusters above 32.',
    source: 'memberlist Config.PushPullInterval',
  }),
  streamTimeout: durationSetting({
    default: '10s',
    min: '100ms',
    doc: 'Limit for one exchange over TCP.',
    source: 'memberlist Config.TCPTimeout',
  }),
  packetBytes: integerSetting({
    default: 1400,
    min: 512,
    max: 65_000,
    doc: 'Budget of one datagram.',
    source: 'memberlist Config.UDPBufferSize',
  }),
  compression: booleanSetting({
    default: false,
    doc: 'Compress what we send (LZW). What others compress is always understood.',
    source: 'memberlist Config.EnableCompression; off here, since most packets only grow slower',
  }),
});
export type SwimConfig = SettingValues<typeof swimSection>;

export const serfSection = defineSection({
  protocol: integerSetting({
    default: 5,
    min: 3,
    max: 5,
    doc: 'Protocol of Serf that we say we speak, for agents that understand no later one. What others speak, 2 to 5, is always understood.',
    source:
      'serf agent -protocol; 2 is not spoken, since it knows no tags but one, and the catalogue is announced by a tag',
  }),
  broadcastTimeout: durationSetting({
    default: '5s',
    doc: 'How long a leave waits for its message to spread.',
    source: 'serf Config.BroadcastTimeout',
  }),
  leavePropagateDelay: durationSetting({
    default: '1s',
    doc: 'How long an agent that has left still answers probes.',
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
    doc: 'Time between two attempts to reach a failed member again.',
    source: 'serf Config.ReconnectInterval',
  }),
  reconnectTimeout: durationSetting({
    default: '24h',
    doc: 'When a failed member is forgotten.',
    source: 'serf Config.ReconnectTimeout',
  }),
  tombstoneTimeout: durationSetting({
    default: '24h',
    doc: 'When a member that left is forgotten.',
    source: 'serf Config.TombstoneTimeout',
  }),
  reapInterval: durationSetting({
    default: '15s',
    min: '100ms',
    doc: 'Time between two looks for members to forget.',
    source: 'serf Config.ReapInterval',
  }),
  eventBuffer: integerSetting({
    default: 512,
    min: 1,
    max: 65_536,
    doc: 'Events, and queries, remembered to tell news from repetition.',
    source: 'serf Config.EventBuffer, QueryBuffer',
  }),
  nameVote: booleanSetting({
    default: true,
    doc: 'When another node has our name, ask the members which they mean, and stop if it is not us.',
    source: 'serf Config.EnableNameConflictResolution',
  }),
  eventBytes: integerSetting({
    default: 512,
    min: 64,
    max: 1200,
    doc: 'Name and payload of one user event of ours, and its message. All agents should be set alike.',
    source: 'serf Config.UserEventSizeLimit; at most what fits a datagram with all envelopes',
  }),
  coalescePeriod: durationSetting({
    default: '3s',
    max: '10m',
    doc: 'How long changes of members are gathered at most before handlers are told; 0 tells each by itself.',
    source: 'serf Config.CoalescePeriod; the default of its agent',
  }),
  quiescentPeriod: durationSetting({
    default: '1s',
    max: '10m',
    doc: 'After how long without a further change they are told earlier; 0 tells each by itself.',
    source: 'serf Config.QuiescentPeriod; the default of its agent',
  }),
  userCoalescePeriod: durationSetting({
    default: '3s',
    max: '10m',
    doc: 'As coalescePeriod, for user events whose sender lets them be gathered: of each name only the newest.',
    source: 'serf Config.UserCoalescePeriod; the default of its agent',
  }),
  userQuiescentPeriod: durationSetting({
    default: '1s',
    max: '10m',
    doc: 'As quiescentPeriod, for such user events.',
    source: 'serf Config.UserQuiescentPeriod; the default of its agent',
  }),
  maxQueueDepth: integerSetting({
    default: 4096,
    min: 16,
    doc: 'Messages a broadcast lane holds before the most-sent are dropped.',
    source: 'serf Config.MaxQueueDepth',
  }),
});
export type SerfConfig = SettingValues<typeof serfSection>;
