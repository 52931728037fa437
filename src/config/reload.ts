/** What a reload changes: settings that are applied while the agent runs, and those that wait for a restart. */
import { formatSettingValue } from './docs.ts';
import { rejectContradictions } from './resolve.ts';
import { type AgentConfig, SETTINGS, type SettingEntry } from './schema.ts';

/** Field names are a contract: `hearsay reload --json`. */
export interface ReloadReport {
  /** Each difference to the files as they were read last, told once. */
  readonly changes: readonly ReloadChange[];
  /** Settings, changed now or earlier, that the running agent does not have. */
  readonly needsRestart: readonly string[];
  readonly warnings: readonly string[];
}

export interface ReloadChange {
  readonly kind: 'setting' | 'service' | 'tag' | 'key' | 'job';
  /** The key of the setting or tag, the ID of the service, the name of the job, or the fingerprint of the gossip key. */
  readonly name: string;
  /** One sentence for people, without a full stop. */
  readonly text: string;
}

export interface SettingDifference {
  readonly key: string;
  /** As `hearsay config` prints it: secrets are not shown. */
  readonly from: string;
  readonly to: string;
  /** It is in force now: applied, or what the agent runs with. */
  readonly isInForce: boolean;
}

/** How the settings that were read now differ from those read before, and from those that the agent runs with. */
export function diffSettings(
  running: AgentConfig,
  lastRead: AgentConfig,
  next: AgentConfig,
): { readonly differences: readonly SettingDifference[]; readonly needsRestart: readonly string[] } {
  const differences: SettingDifference[] = [];
  const needsRestart: string[] = [];
  for (const entry of SETTINGS.values()) {
    const { key, setting } = entry;
    const format = (config: AgentConfig): string => setting.format(settingValue(config, entry));
    const show = (config: AgentConfig): string =>
      formatSettingValue(setting, settingValue(config, entry)) || 'none';
    const isPending = setting.reloads !== true && format(running) !== format(next);
    if (format(lastRead) !== format(next))
      differences.push({ key, from: show(lastRead), to: show(next), isInForce: !isPending });
    if (isPending) needsRestart.push(key);
  }
  return { differences, needsRestart };
}

/**
 * The settings that an agent runs with after a reload. Throws `AgentError('config')` if they contradict each other, although those
 * that were read do not: a token cannot go while the old address is open to the network.
 */
export function reloadedConfig(running: AgentConfig, next: AgentConfig): AgentConfig {
  const config: Record<string, unknown> = { ...running };
  for (const { key, section, setting } of SETTINGS.values())
    if (section === '' && setting.reloads === true) config[key] = next[key as keyof AgentConfig];
  const merged = config as unknown as AgentConfig;
  rejectContradictions(merged);
  return merged;
}

/** Files of tokens are no values of their own: their content is. */
function settingValue(config: AgentConfig, { key, section }: SettingEntry): unknown {
  if (section === '') return (config as unknown as Readonly<Record<string, unknown>>)[key];
  return (config[section] as Readonly<Record<string, unknown>>)[key.slice(section.length + 1)];
}
