import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../src/base/address.ts';
import { AgentError } from '../../../src/base/errors.ts';
import type { ConfigNode } from '../../../src/config/file/node.ts';
import type { ConfigFile } from '../../../src/config/file/parse.ts';
import { PRESETS } from '../../../src/config/presets.ts';
import { serfSection, swimSection } from '../../../src/config/protocol.ts';
import { type ConfigSources, type ResolvedConfig, resolveConfig } from '../../../src/config/resolve.ts';
import { SETTINGS } from '../../../src/config/schema.ts';
import { withDefaults } from '../../../src/config/setting.ts';

const resolve = (sources: Partial<ConfigSources> = {}): ResolvedConfig =>
  resolveConfig({ flags: {}, env: {}, files: [], hostname: 'host-a', ...sources });

/** A file with one key on each line; a dot nests. */
function file(path: string, ...lines: readonly (readonly [key: string, value: unknown])[]): ConfigFile {
  const root = new Map<string, ConfigNode>();
  lines.forEach(([key, value], at) => {
    const line = at + 1;
    const [section, last] = key.split('.') as [string, string | undefined];
    if (last === undefined) root.set(section, nodeOf(value, line));
    else {
      const inner = root.get(section)?.value ?? new Map<string, ConfigNode>();
      (inner as Map<string, ConfigNode>).set(last, nodeOf(value, line));
      root.set(section, { line, value: inner });
    }
  });
  return { path, root: { line: 1, value: root } };
}

const nodeOf = (value: unknown, line: number): ConfigNode => ({
  line,
  value: Array.isArray(value)
    ? value.map((item) => nodeOf(item, line))
    : value instanceof Map
      ? new Map([...value].map(([key, item]) => [key as string, nodeOf(item, line)]))
      : (value as ConfigNode['value']),
});

const KEY = Buffer.alloc(32, 1).toString('base64');

function refusal(sources: Partial<ConfigSources>): AgentError {
  try {
    resolve(sources);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('precedence of sources', () => {
  const flags = { 'swim.probeInterval': '1s' };
  const env = { HEARSAY_SWIM_PROBE_INTERVAL: '2s' };
  const first = file('a.yaml', ['node', 'n'], ['swim.probeInterval', '3s']);
  const second = file('b.yaml', ['swim.probeInterval', '4s']);
  const preset = { HEARSAY_PRESET: 'wan' };

  test.each([
    [
      'the flag',
      { flags, env: { ...env, ...preset }, files: [first, second] },
      1000,
      'flag --swim-probe-interval',
    ],
    [
      'the variable',
      { env: { ...env, ...preset }, files: [first, second] },
      2000,
      'env HEARSAY_SWIM_PROBE_INTERVAL',
    ],
    ['the later file', { env: preset, files: [first, second] }, 4000, 'file b.yaml:1'],
    ['the file', { env: preset, files: [first] }, 3000, 'file a.yaml:2'],
    ['the preset', { env: preset }, 5000, 'preset wan'],
    ['the default preset', {}, 1000, 'preset lan'],
  ])('%s', (_, sources, millis, origin) => {
    const { config, origins } = resolve(sources);
    expect(config.swim.probeInterval).toBe(millis);
    expect(origins.get('swim.probeInterval')).toBe(origin);
  });

  test('the preset itself may come from a file', () => {
    const { config, origins } = resolve({ files: [file('a.yaml', ['preset', 'local'])] });
    expect(config.swim).toEqual({ ...withDefaults(swimSection), ...PRESETS.local });
    expect(origins.get('preset')).toBe('file a.yaml:1');
    expect(origins.get('swim.gossipInterval')).toBe('preset local');
    expect(origins.get('swim.packetBytes')).toBe('default');
  });

  test('later files override earlier ones, setting by setting', () => {
    const one = file('a.yaml', ['node', 'one'], ['datacenter', 'dc7']);
    const { config } = resolve({ files: [one, file('b.yaml', ['node', 'two'])] });
    expect([config.node, config.datacenter]).toEqual(['two', 'dc7']);
  });

  test('an empty variable is not set', () => {
    expect(resolve({ env: { HEARSAY_DATACENTER: '' } }).config.datacenter).toBe('dc1');
  });
});

describe('defaults', () => {
  test('are those of the sections and of the lan preset', () => {
    const { config, origins, warnings } = resolve();
    expect(config.swim).toEqual(withDefaults(swimSection));
    expect(config.serf).toEqual(withDefaults(serfSection));
    expect(config).toMatchObject({ node: 'host-a', datacenter: 'dc1', preset: 'lan', logFormat: 'json' });
    expect([...origins.keys()]).toEqual(expect.arrayContaining([...SETTINGS.keys()]));
    expect(warnings).toEqual([]);
  });

  test('bind gossip to loopback, and with a key to all addresses', () => {
    expect(formatAddress(resolve().config.bind)).toBe('127.0.0.1:7946');
    expect(formatAddress(resolve({ env: { HEARSAY_GOSSIP_KEY: KEY } }).config.bind)).toBe('0.0.0.0:7946');
    expect(formatAddress(resolve({ flags: { keyringFile: 'k' } }).config.bind)).toBe('0.0.0.0:7946');
    expect(formatAddress(resolve({ flags: { interface: 'eth0' } }).config.bind)).toBe('0.0.0.0:7946');
  });

  test('make the log pretty on a terminal', () => {
    expect(resolve({ terminal: true }).config.logFormat).toBe('pretty');
    expect(resolve({ terminal: true, flags: { logFormat: 'json' } }).config.logFormat).toBe('json');
  });

  test('equal the lan preset, and presets are complete', () => {
    expect(withDefaults(swimSection)).toMatchObject(PRESETS.lan);
    for (const preset of Object.values(PRESETS))
      expect(Object.keys(preset).sort()).toEqual(Object.keys(PRESETS.lan).sort());
  });
});

describe('values', () => {
  test('lists and tags come from flags, variables and files alike', () => {
    const expected = {
      join: ['10.0.0.5', 'b.example:1'],
      tag: new Map([
        ['role', 'web'],
        ['zone', 'b'],
      ]),
    };
    const fromFlags = resolve({ flags: { join: ['10.0.0.5', 'b.example:1'], tag: ['role=web', 'zone=b'] } });
    const fromEnv = resolve({
      env: { HEARSAY_JOIN: '10.0.0.5,b.example:1', HEARSAY_TAG: 'role=web,zone=b' },
    });
    const map = new Map([
      ['role', 'web'],
      ['zone', 'b'],
    ]);
    const fromFile = resolve({ files: [file('f', ['join', ['10.0.0.5', 'b.example:1']], ['tag', map])] });
    for (const { config } of [fromFlags, fromEnv, fromFile]) expect(config).toMatchObject(expected);
  });

  test('a key with a dot need not be nested', () => {
    const root: ConfigNode = { line: 1, value: new Map([['swim.probeInterval', { line: 1, value: '2s' }]]) };
    expect(resolve({ files: [{ path: 'f', root }] }).config.swim.probeInterval).toBe(2000);
  });

  test('an empty file or section sets nothing', () => {
    const empty: ConfigFile = { path: 'f', root: { line: 1, value: null } };
    expect(resolve({ files: [empty, file('g', ['swim', null])] }).config.swim).toEqual(
      withDefaults(swimSection),
    );
  });

  test('names of objects are plain keys (S18)', () => {
    const error = refusal({ files: [file('f', ['__proto__', 'x'])] });
    expect(error.message).toBe('f:1: __proto__: no such setting');
    const { config } = resolve({ flags: { tag: ['__proto__=x', 'constructor=y'] } });
    expect([...config.tag]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});

describe('errors name the source', () => {
  test.each([
    ['swim.probeInterval', '5ms', 'f.yaml:1: swim.probeInterval: must be at least 10ms'],
    [
      'swim.probInterval',
      '1s',
      'f.yaml:1: swim.probInterval: no such setting; did you mean swim.probeInterval?',
    ],
    ['retry-join', ['a'], 'f.yaml:1: retry-join: no such setting; did you mean retryJoin?'],
    ['nonsense', 1, 'f.yaml:1: nonsense: no such setting'],
    ['node', 'a ', 'f.yaml:1: node: must not begin or end with a blank'],
    ['node', null, 'f.yaml:1: node: has no value'],
    ['swim', 'fast', 'f.yaml:1: swim: must be a map of settings'],
    [
      'join',
      ['10.0.0.5:x'],
      'f.yaml:1: join: "10.0.0.5:x" is not an address such as 10.0.0.5 or host.example:7946',
    ],
    [
      'gossipKey',
      KEY,
      'f.yaml:1: gossipKey: is a secret: set the environment variable HEARSAY_GOSSIP_KEY instead',
    ],
  ])('file: %s %j', (key, value, sentence) => {
    const error = refusal({ files: [file('f.yaml', [key, value])] });
    expect(error.message).toBe(sentence);
    expect(error.exit).toBe(78);
  });

  test('a file that is not a map', () => {
    const error = refusal({ files: [{ path: 'f', root: { line: 3, value: 'x' } }] });
    expect(error.message).toBe('f:3: must be a map of settings');
  });

  test('a setting written flat and nested', () => {
    const nested = new Map([['probeInterval', { line: 2, value: '1s' }]]);
    const root: ConfigNode = {
      line: 1,
      value: new Map<string, ConfigNode>([
        ['swim.probeInterval', { line: 1, value: '1s' }],
        ['swim', { line: 2, value: nested }],
      ]),
    };
    expect(refusal({ files: [{ path: 'f', root }] }).message).toBe(
      'f:2: swim.probeInterval: is set twice, first at f:1',
    );
  });

  test('a bad flag is wrong usage, a bad variable a configuration error', () => {
    const byFlag = refusal({ flags: { 'swim.probeInterval': '5ms' } });
    expect([byFlag.message, byFlag.exit]).toEqual(['--swim-probe-interval: must be at least 10ms', 2]);
    const byEnv = refusal({ env: { HEARSAY_SWIM_PROBE_INTERVAL: '5ms' } });
    expect([byEnv.message, byEnv.exit]).toEqual(['HEARSAY_SWIM_PROBE_INTERVAL: must be at least 10ms', 78]);
  });

  test('a key of the wrong length is not quoted in the error (S25)', () => {
    const { message } = refusal({ env: { HEARSAY_GOSSIP_KEY: 'c2VjcmV0' } });
    expect(message).toContain('HEARSAY_GOSSIP_KEY: must be base64');
    expect(message).not.toContain('c2VjcmV0');
  });

  test('a key and a keyring file exclude each other', () => {
    const error = refusal({ flags: { keyringFile: 'k' }, env: { HEARSAY_GOSSIP_KEY: KEY } });
    expect([error.message, error.exit]).toEqual([
      'keyringFile and HEARSAY_GOSSIP_KEY are both set: remove one of them',
      78,
    ]);
  });
});

describe('HTTP beyond loopback (S13)', () => {
  test.each(['0.0.0.0:8500', '10.0.0.5', '[::]:8500'])('%s needs a token or --insecure', (http) => {
    const error = refusal({ flags: { http } });
    expect(error.exit).toBe(78);
    expect(error.message).toContain('set HEARSAY_HTTP_TOKEN or httpTokenFile, or allow it with --insecure');
    expect(resolve({ flags: { http, insecure: true } }).config.insecure).toBe(true);
    const token = 't'.repeat(32);
    expect(resolve({ flags: { http }, env: { HEARSAY_HTTP_TOKEN: token } }).config.httpToken).toBe(token);
    expect(() => resolve({ flags: { http }, env: { HEARSAY_HTTP_READ_TOKEN: token } })).not.toThrow();
    expect(() => resolve({ flags: { http }, env: { HEARSAY_HTTP_OPERATOR_TOKEN: token } })).toThrow();
    expect(() => resolve({ flags: { http, httpTokenFile: 'f' } })).not.toThrow();
  });

  test.each(['127.9.9.9:1', '[::1]:8500', 'localhost', 'unix:/run/h.sock', 'off'])('%s does not', (http) => {
    expect(() => resolve({ flags: { http } })).not.toThrow();
  });
});

describe('RPC beyond loopback (S13)', () => {
  test.each(['0.0.0.0:7373', '10.0.0.5'])('%s needs a key of its own or --insecure', (rpc) => {
    const error = refusal({ flags: { rpc } });
    expect(error.exit).toBe(78);
    expect(error.message).toContain('set HEARSAY_RPC_AUTH or rpcAuthFile, or allow it with --insecure');
    const key = 'k'.repeat(32);
    expect(resolve({ flags: { rpc }, env: { HEARSAY_RPC_AUTH: key } }).config.rpcAuth).toBe(key);
    expect(() => resolve({ flags: { rpc }, env: { HEARSAY_HTTP_TOKEN: key } })).toThrow();
    expect(() => resolve({ flags: { rpc, rpcAuthFile: 'f' } })).not.toThrow();
    expect(() => resolve({ flags: { rpc, insecure: true } })).not.toThrow();
  });

  test('it is off unless it is asked for, on port 7373', () => {
    expect(resolve({}).config.rpc).toEqual({ kind: 'off' });
    expect(resolve({ flags: { rpc: '127.0.0.1' } }).config.rpc).toMatchObject({ address: { port: 7373 } });
  });

  test('a short key is refused, for anybody may guess', () => {
    expect(refusal({ env: { HEARSAY_RPC_AUTH: 'short' } }).message).toContain('at least 32 characters');
  });
});

describe('messages that no datagram holds', () => {
  test.each(['serf.eventBytes', 'serf.queryBytes'])('%s above 1200 needs room in swim.packetBytes', (key) => {
    expect(() => resolve({ flags: { [key]: '1200', 'swim.packetBytes': '512' } })).not.toThrow();
    const error = refusal({ flags: { [key]: '4096' } });
    expect([error.message, error.exit]).toEqual([
      `${key}: 4096 bytes do not fit a datagram: lower it, or set swim.packetBytes to 4296 and more on all agents`,
      78,
    ]);
    expect(() => resolve({ flags: { [key]: '4096', 'swim.packetBytes': '4296' } })).not.toThrow();
    expect(refusal({ flags: { [key]: '9217' } }).message).toContain('must be at most 9216');
  });

  test('a response travels alone, so it may be as long as others have them', () => {
    expect(() => resolve({ flags: { 'serf.queryResponseBytes': '9216' } })).not.toThrow();
  });
});

describe('warnings', () => {
  test('a node name that DNS cannot say', () => {
    expect(resolve({ flags: { node: 'web_1' } }).warnings).toEqual([
      'node: "web_1" is no host name, so few programs can look up its name in DNS; members and services are found as ever',
    ]);
    expect(resolve({ flags: { node: 'web-1.example' } }).warnings).toEqual([]);
  });

  test('S13 operators without a token, and HTTP open to the network', () => {
    const open = resolve({ flags: { openOperator: true } }).warnings;
    expect(open).toEqual([expect.stringMatching(/^openOperator: every account of this host may /)]);
    const env = { HEARSAY_HTTP_OPERATOR_TOKEN: 't'.repeat(32) };
    expect(resolve({ flags: { openOperator: true }, env }).warnings).toEqual([]);
    expect(resolve({ flags: { insecure: true } }).warnings).toEqual([]);
    expect(resolve({ flags: { insecure: true, http: '0.0.0.0' } }).warnings).toEqual([
      'http on 0.0.0.0:8500 is open to the network: set HEARSAY_HTTP_TOKEN to close it',
    ]);
  });

  test('a misspelled variable; unrelated ones are ignored', () => {
    const env = {
      HEARSAY_SWIM_PROBE_INTERVL: '1s',
      HEARSAY_PORT: 'tcp://10.0.0.1:80',
      HEARSAY_PORT_8500_TCP_ADDR: '10.0.0.1',
      HEARSAY_SERVICE_PORT_HTTP: '8500',
      HEARSAY_DNS_TTL: '5s',
      HEARSAY_HTTP_ADDR: 'x',
    };
    expect(resolve({ env }).warnings).toEqual([
      'HEARSAY_SWIM_PROBE_INTERVL is not a setting; did you mean HEARSAY_SWIM_PROBE_INTERVAL?',
      'HEARSAY_DNS_TTL is not a setting: run `hearsay config` to list them',
    ]);
  });

  test('unencrypted gossip beyond loopback, and a probe timeout above the interval', () => {
    const flags = { bind: '0.0.0.0', 'swim.probeInterval': '100ms' };
    expect(resolve({ flags }).warnings).toEqual([
      'swim.probeTimeout (500ms) is longer than swim.probeInterval (100ms): indirect probes will have no time left',
      'gossip on 0.0.0.0:7946 is not encrypted: any host that reaches the port can join (see `hearsay keygen`)',
    ]);
  });
});
