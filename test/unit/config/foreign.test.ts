import { describe, expect, test } from 'vitest';
import type { ConfigNode } from '../../../src/config/file/node.ts';
import { parseConfigFile } from '../../../src/config/file/parse.ts';
import { SETTINGS } from '../../../src/config/schema.ts';
import { parseYaml } from '../../../src/files/yaml.ts';

const problemsOf = async (text: string): Promise<readonly string[]> => {
  const root: ConfigNode = await parseYaml('f', text);
  return parseConfigFile({ path: 'f', root }).problems;
};

describe('keys of Consul and Serf are told what stands for them here', () => {
  test.each([
    ['recursors: [9.9.9.9]', "f:1: Consul's `recursors` is `dnsRecursor` here"],
    [
      'enable_local_script_checks: true',
      "f:1: Consul's `enable_local_script_checks` is `allowExecChecks` here",
    ],
    ['retry_join: [a]', "f:1: Consul's and Serf's `retry_join` is `retryJoin` here"],
    ['tags: {role: web}', "f:1: Serf's `tags` is `tag` here"],
    [
      'server: true',
      "f:1: Consul's `server` has no counterpart (there are no servers here, every agent is alike): remove it",
    ],
    ['ui_dir: /srv', "f:1: Consul's `ui_dir` has no counterpart: remove it"],
    ['ui_config: {enabled: true}', "f:1: Consul's `ui_config.enabled` is `ui` here"],
    ['services: [{name: a}]', "f:1: Consul's `services` is a file of its own, named by `service` here"],
  ])('%s', async (text, problem) => {
    expect(await problemsOf(text)).toEqual([problem]);
  });

  test('inside a section each key by its own line', async () => {
    const text =
      'dns_config:\n  recursor_strategy: random\n  soa:\n    refresh: 5\n  enable_nothing: true\nports:\n  http: 8500\n';
    expect(await problemsOf(text)).toEqual([
      "f:2: Consul's `dns_config.recursor_strategy` is `dnsRecursorStrategy` here",
      "f:4: Consul's `dns_config.soa.refresh` is `dnsSoaRefresh` here",
      "f:5: Consul's `dns_config.enable_nothing` has no counterpart: remove it",
      "f:7: Consul's `ports.http` is `http` here",
    ]);
  });

  test('our own keys and other words are as they were', async () => {
    expect(await problemsOf('datacenter: dc2\ndomian: a.b\nnonsense: 1')).toEqual([
      'f:2: domian: no such setting; did you mean domain?',
      'f:3: nonsense: no such setting',
    ]);
  });

  test('every setting that a hint names exists', async () => {
    const keys = [
      'node_name',
      'retry_join',
      'start_join',
      'log_level',
      'bind_addr',
      'advertise_addr',
      'data_dir',
      'node_meta',
      'log_json',
      'enable_script_checks',
      'reconnect_timeout',
      'profile',
      'protocol',
      'keyring_file',
      'event_handlers',
      'broadcast_timeout',
      'reconnect_interval',
      'tombstone_timeout',
      'user_event_size_limit',
      'watches',
      'alt_domain',
    ];
    for (const key of keys) {
      const [problem = ''] = await problemsOf(`${key}: 1`);
      const named = /is `([A-Za-z.]+)/.exec(problem)?.[1] ?? '';
      expect(SETTINGS.has(named), problem).toBe(true);
    }
    const [gossip = ''] = await problemsOf('gossip_lan: {probe_interval: 1s}');
    expect(gossip).toBe("f:1: Consul's `gossip_lan.probe_interval` is `swim.probeInterval` here");
  });
});
