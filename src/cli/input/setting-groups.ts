/** The settings in groups by topic, for help texts, and which of them most people need. */
import type { SettingEntry } from '../../config/schema.ts';

/** What `hearsay agent --help` shows; `--help-all` shows every setting. */
const COMMON: ReadonlySet<string> = new Set([
  'node',
  'bind',
  'join',
  'retryJoin',
  'tag',
  'service',
  'http',
  'dns',
  'dataDir',
  'keyringFile',
]);

/** In the order of the help. The first group whose pattern matches the key takes the setting. */
const GROUPS: readonly (readonly [heading: string, keys: RegExp])[] = [
  [
    'Node and cluster:',
    /^(node|datacenter|bind|interface|advertise|join|retryJoin|retryJoinMax|retryJoinInterval|discover|rejoinAfterLeave|replayOnJoin|tag|preset|label|onStop)$/,
  ],
  [
    'Services and checks:',
    /^(service$|watchServices|containers|selfService|suspectsLast|zone|allowExecChecks|execUser|checkAllow)/,
  ],
  ['Jobs:', /^(allowExecJobs|jobs)$/],
  ['HTTP API:', /^(http|ui$|insecure|openOperator|consulVersion)/],
  ["Serf's RPC:", /^rpc/],
  ['DNS:', /^(dns|domain$|altDomain$)/],
  ['State and keys:', /^(dataDir|importSerfSnapshot|keyringFile|gossipKey)$/],
  ['Logs and recordings:', /^(log|record)/],
  ['Handlers:', /^(handlers$|serf\.(coalesce|quiescent|userCoalesce|userQuiescent)Period$)/],
  [
    'Failure detection (overrides the preset):',
    /^swim\.(probe|indirect|streamPing|awareness|buddy|stall|lastCall|watched|closeGrace|suspicion)/,
  ],
  ['Gossip and syncs (overrides the preset):', /^swim\./],
  ['Membership, events and queries:', /^serf\./],
];

/** Where the options of a group without a pattern go; a test sees that it stays empty. */
export const OTHER_SETTINGS = 'Other settings:';

export const isCommonSetting = ({ key }: SettingEntry): boolean => COMMON.has(key);

export const settingGroup = ({ key }: SettingEntry): string =>
  GROUPS.find(([, keys]) => keys.test(key))?.[0] ?? OTHER_SETTINGS;

/** Settings in the order of their groups; within a group as they are declared. */
export function sortByGroup(entries: Iterable<SettingEntry>): readonly SettingEntry[] {
  const groups = new Map<string, SettingEntry[]>(GROUPS.map(([heading]) => [heading, []]));
  const others: SettingEntry[] = [];
  for (const entry of entries) (groups.get(settingGroup(entry)) ?? others).push(entry);
  return [...[...groups.values()].flat(), ...others];
}
