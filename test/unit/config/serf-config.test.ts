import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfigFile } from '../../../src/config/file/parse.ts';
import { convertSerfConfig } from '../../../src/config/file/serf-config.ts';
import { parseYaml } from '../../../src/files/yaml.ts';

const convert = async (config: unknown) =>
  convertSerfConfig([
    { path: 'serf.json', root: await parseYaml('serf.json', JSON.stringify(config, null, 1)) },
  ]);

/** All keys that Serf documents for its configuration file. */
const EVERY_KEY = {
  ...{ node_name: 'web_1', role: 'web', tags: { dc: 'east' }, bind: '10.0.0.5:7946', advertise: '192.0.2.1' },
  ...{
    encrypt_key: 'AAAA',
    keyring_file: '/etc/serf/keyring',
    log_level: 'ERR',
    profile: 'wan',
    protocol: 5,
  },
  ...{ rpc_addr: '127.0.0.1:7373', rpc_auth: 'secret', snapshot_path: '/var/lib/serf/snapshot' },
  ...{ start_join: ['a'], retry_join: ['b', 'c:1'], retry_max_attempts: 5, retry_interval: '30s' },
  ...{
    rejoin_after_leave: true,
    replay_on_join: true,
    leave_on_terminate: true,
    skip_leave_on_interrupt: false,
  },
  ...{ event_handlers: ['/opt/all.sh', 'user:deploy,member-join=/opt/deploy.sh a=b'] },
  ...{
    reconnect_interval: '30s',
    reconnect_timeout: '24h',
    tombstone_timeout: '24h',
    broadcast_timeout: '5s',
  },
  ...{ user_event_size_limit: 2048, query_size_limit: 1024, query_response_size_limit: 1350 },
  ...{ disable_name_resolution: true, enable_compression: true, disable_coordinates: false },
  ...{ tags_file: '/etc/serf/tags', discover: 'web', interface: 'eth0', mdns: { iface: 'eth0' } },
  ...{ enable_syslog: true, syslog_facility: 'LOCAL0', statsite_addr: 'x', statsd_addr: 'y' },
  ...{ validate_node_names: true },
};

describe('a configuration of Serf', () => {
  test('every documented key has a counterpart, or a line that says what to do', async () => {
    const { settings, notes } = await convert(EVERY_KEY);
    expect(Object.fromEntries(settings)).toEqual({
      ...{ node: 'web_1', bind: '10.0.0.5:7946', advertise: '192.0.2.1', rpc: '127.0.0.1:7373' },
      ...{ tag: { role: 'web', dc: 'east' }, keyringFile: '/etc/serf/keyring', logLevel: 'error' },
      ...{
        preset: 'wan',
        join: ['a'],
        retryJoin: ['b', 'c:1'],
        retryJoinMax: 5,
        retryJoinInterval: '30s',
        interface: 'eth0',
        discover: 'web',
      },
      ...{ rejoinAfterLeave: true, replayOnJoin: true, importSerfSnapshot: '/var/lib/serf/snapshot' },
      handlers: [
        { on: ['*'], run: ['/bin/sh', '-c', '/opt/all.sh'] },
        { on: ['user:deploy', 'member-join'], run: ['/bin/sh', '-c', '/opt/deploy.sh a=b'] },
      ],
      ...{ 'serf.protocol': 5, 'serf.nameVote': false, 'swim.compression': true, 'swim.packetBytes': 2248 },
      ...{ 'serf.reconnectInterval': '30s', 'serf.reconnectTimeout': '24h', 'serf.tombstoneTimeout': '24h' },
      ...{ 'serf.broadcastTimeout': '5s', 'serf.eventBytes': 2048, 'serf.queryBytes': 1024 },
      'serf.queryResponseBytes': 1350,
    });
    const named = notes.map(
      (note) => /^serf.json:\d+: (?:Serf's |Consul's and Serf's )?`?(\w+)/.exec(note)?.[1],
    );
    expect(named.sort()).toEqual(
      [
        ...['encrypt_key', 'rpc_auth', 'snapshot_path', 'tags_file', 'validate_node_names'],
        ...['leave_on_terminate', 'skip_leave_on_interrupt', 'disable_coordinates'],
        ...['mdns', 'enable_syslog', 'syslog_facility', 'statsite_addr', 'statsd_addr'],
      ].sort(),
    );
    expect(notes.join('\n')).not.toMatch(/is not known|secret|AAAA/);
  });

  test('what it becomes is a configuration of ours', async () => {
    const { settings } = await convert(EVERY_KEY);
    const text = [...settings].map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join('\n');
    const { problems } = parseConfigFile({ path: 'ours.yaml', root: await parseYaml('ours.yaml', text) });
    expect(problems).toEqual([]);
  });

  test('what Serf does by default and an agent here does not is written out', async () => {
    expect(Object.fromEntries((await convert({})).settings)).toEqual({
      ...{ bind: '0.0.0.0:7946', rpc: '127.0.0.1:7373', rejoinAfterLeave: false },
    });
  });

  test('later files win, and the defaults of Serf come before all', async () => {
    const files = [];
    for (const [i, text] of [
      '{"rejoin_after_leave": true, "bind": "10.0.0.1"}',
      '{"bind": "10.0.0.2"}',
    ].entries())
      files.push({ path: `${i}.json`, root: await parseYaml(`${i}.json`, text) });
    expect(Object.fromEntries(convertSerfConfig(files).settings)).toEqual({
      ...{ bind: '10.0.0.2', rpc: '127.0.0.1:7373', rejoinAfterLeave: true },
    });
  });

  test.each([
    [{ bind: 5 }, 'serf.json:2: bind: must be a string'],
    [{ start_join: 'a' }, 'serf.json:2: start_join: must be a list'],
    [{ tags: { a: 1 } }, 'serf.json:2: tags: the value of a must be text'],
    [['a'], 'serf.json:1: must be a map of settings'],
  ])('%j is refused by line and key', async (config, message) => {
    await expect(convert(config)).rejects.toThrow(message);
  });

  test('a key that Serf does not have is told', async () => {
    expect((await convert({ nonsense: 1 })).notes).toEqual([
      'serf.json:2: nonsense: is not known: Serf does not document it',
    ]);
  });

  test('docs/guides/from-serf.md names each of them', () => {
    const page = readFileSync(new URL('../../../docs/guides/from-serf.md', import.meta.url), 'utf8');
    expect(Object.keys(EVERY_KEY).filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
  });
});
