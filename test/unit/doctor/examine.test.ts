/** What each fault looks like to one agent, and that a healthy cluster has no finding. */
import { expect, test } from 'vitest';
import { examine, unknownNodes } from '../../../src/doctor/examine.ts';
import type { Facts, WarningFact, WhyFact } from '../../../src/doctor/finding.ts';

const NAMES = ['', 'ann', 'bobby', 'cat'];
const member = (name: string, status = 'alive') => ({
  ...{ name, status, port: 7946, ageMs: 60_000 },
  addr: `10.0.0.${NAMES.indexOf(name)}`,
});
const HEALTHY: Facts = {
  self: 'ann',
  members: [member('ann'), member('bobby'), member('cat')],
  awareness: 0,
  degraded: [],
  partition: { kind: 'whole', sentence: 'all 3 members are visible' },
  warnings: [],
  links: [],
  whys: new Map(),
  silent: [],
  keys: undefined,
  services: [{ name: 'web', instances: 2, usable: 2 }],
  checks: [],
  dns: { address: '127.0.0.1:8600', error: undefined },
};
const warning = (kind: string, fields: Record<string, unknown>, lastAgoMs = 1000): WarningFact => ({
  ...{ kind, fields, lastAgoMs, count: 3, message: kind },
});
const why = (kind: string, over: Partial<WhyFact['evidence'][number]> = {}, diagnosis = ''): WhyFact => ({
  diagnosis,
  evidence: [{ kind, observer: 'ann', message: kind, agoMs: 1000, count: 3, ...over }],
});
/** The code and the nodes of each finding. */
const found = (over: Partial<Facts>) =>
  examine({ ...HEALTHY, ...over }).map(({ code, nodes }) => [code, nodes]);

test('a healthy cluster has no finding', () => {
  expect(examine(HEALTHY)).toEqual([]);
});

test.each([
  ['plaintext', 'notEncrypted'],
  ['encrypted', 'noKey'],
  ['undecryptable', 'wrongKey'],
  ['badLabel', 'wrongLabel'],
  ['versionMismatch', 'wrongVersion'],
])('gossip rejected as %s is %s, told once for a host however it came', (code, finding) => {
  const warnings = ['packetRejected', 'streamRejected'].map((kind) =>
    warning(kind, { from: '10.0.0.3:7946', code, detail: '' }),
  );
  expect(found({ warnings })).toEqual([[finding, ['ann', 'cat']]]);
});

test('garbage of strangers is no misconfiguration, and what is over is no finding', () => {
  const from = '10.9.9.9:1';
  expect(found({ warnings: [warning('packetRejected', { from, code: 'malformed', detail: '' })] })).toEqual(
    [],
  );
  const old = warning('packetRejected', { from, code: 'badLabel', detail: '' }, 301_000);
  expect(found({ warnings: [old] })).toEqual([]);
});

test('UDP that is dropped while TCP passes; a single probe is chance', () => {
  expect(found({ whys: new Map([['cat', why('probeSavedByTcp')]]) })).toEqual([
    ['udpBlocked', ['ann', 'cat']],
  ]);
  expect(found({ whys: new Map([['cat', why('probeSavedByTcp', { count: 2 })]]) })).toEqual([]);
  expect(found({ whys: new Map([['cat', why('probeSavedByTcp', { observer: 'bobby' })]]) })).toEqual([]);
});

test('a one-way link, until it is restored', () => {
  const link = why('linkOneWay');
  expect(found({ whys: new Map([['cat', link]]) })).toEqual([['oneWay', ['ann', 'cat']]]);
  const restored = { ...link, evidence: [...link.evidence, ...why('linkRestored').evidence] };
  expect(found({ whys: new Map([['cat', restored]]) })).toEqual([]);
});

test('an address where nobody answers, and a name claimed twice', () => {
  const warnings = [
    warning('memberUnverified', { node: 'dan', address: '192.168.1.5:7946' }),
    warning('nameConflict', { node: 'cat', current: '10.0.0.3:7946', claimed: '10.0.0.9:7946' }),
  ];
  expect(found({ warnings })).toEqual([
    ['wrongAddress', ['dan']],
    ['nameConflict', ['cat']],
  ]);
});

test('lost packets: members that are suspected and prove to be alive', () => {
  const whys = new Map([
    ['bobby', why('suspicionCleared')],
    ['cat', why('suspicionRefuted')],
  ]);
  expect(found({ whys })).toEqual([['loss', ['ann']]]);
  expect(found({ whys: new Map([...whys].slice(0, 1)) })).toEqual([]);
});

test('a failed member is told with its diagnosis, and how to forget it', () => {
  const members = [member('ann'), member('cat', 'failed')];
  const whys = new Map([['cat', why('memberFailed', {}, 'declared failed by ann')]]);
  const [finding] = examine({ ...HEALTHY, members, whys });
  expect(finding).toMatchObject({ code: 'failed', severity: 'error', nodes: ['cat'] });
  expect(finding?.sentence).toBe('cat: declared failed by ann');
  expect(finding?.fix).toContain('hearsay forget cat');
  const { evidence } = why('memberFailed');
  const twice = new Map([['cat', { ...why('memberFailed'), evidence: [...evidence, ...evidence] }]]);
  expect(examine({ ...HEALTHY, members, whys: twice })[0]?.evidence).toHaveLength(1);
});

test('a node that nobody knows is not well, whoever asks for it', () => {
  const warnings = [warning('memberUnverified', { node: 'dan', address: '192.168.1.5:7946' })];
  expect(unknownNodes({ ...HEALTHY, warnings }, ['ann', 'nosuch', 'dan'])).toEqual(['nosuch']);
});

test('a partition is told as one; single deaths are not told twice', () => {
  const sentence = '6 of 12 members vanished together';
  expect(found({ partition: { kind: 'partition', sentence } })).toEqual([['partition', ['ann']]]);
  expect(found({ partition: { kind: 'deaths', sentence } })).toEqual([]);
});

test('a full disk, a stalled process, a silent DNS server, an exposed keyring', () => {
  expect(found({ degraded: ['storage: ENOSPC'] })).toEqual([['degraded', ['ann']]]);
  expect(examine({ ...HEALTHY, degraded: ['storage: ENOSPC'] })[0]?.fix).toContain('df -h');
  const engine = 'the container engine docker is away: connection refused';
  expect(examine({ ...HEALTHY, degraded: [engine] })[0]?.fix).toContain('hearsay containers');
  expect(found({ warnings: [warning('stalled', { latenessMs: 4000 })] })).toEqual([['stalled', ['ann']]]);
  expect(found({ awareness: 3 })).toEqual([['unhealthy', ['ann']]]);
  expect(found({ dns: { address: '127.0.0.1:8600', error: 'ETIMEOUT' } })).toEqual([['dnsSilent', ['ann']]]);
  const exposed = warning('keyringExposed', { file: '/var/lib/hearsay/keyring' }, 86_400_000);
  expect(examine({ ...HEALTHY, warnings: [exposed] })[0]?.fix).toBe('chmod 600 /var/lib/hearsay/keyring');
});

test('a rotation that was not finished names the key that most members have', () => {
  const keys = { members: 3, primaries: { aaaa: 1, bbbb: 2 }, errors: {}, unresponsive: [] };
  const [finding] = examine({ ...HEALTHY, keys });
  expect(finding).toMatchObject({ code: 'primaryKeys', severity: 'warning' });
  expect(finding?.fix).toBe('hearsay keys install KEY, then hearsay keys use bbbb');
  expect(found({ keys: { ...keys, primaries: { aaaa: 3 } } })).toEqual([]);
});

test('a live member that is silent, unless it is known why', () => {
  expect(found({ silent: ['cat'] })).toEqual([['noAck', ['cat']]]);
  const whys = new Map([['cat', why('probeSavedByTcp')]]);
  expect(found({ silent: ['cat'], whys })).toEqual([['udpBlocked', ['ann', 'cat']]]);
});

test('a service without a usable instance, with the output of its checks', () => {
  const services = [{ name: 'web', instances: 2, usable: 0 }];
  const checks = [
    { node: 'cat', service: 'web', name: 'port', status: 'critical', output: 'connection refused\n' },
    { node: 'bobby', service: 'web', name: 'port', status: 'passing', output: '' },
  ];
  const [finding] = examine({ ...HEALTHY, services, checks });
  expect(finding).toMatchObject({ code: 'serviceDown', nodes: ['cat'] });
  expect(finding?.evidence).toEqual(['cat: check "port" is critical (connection refused)']);
});

test('maintenance is wanted: a note, unless something else is critical as well', () => {
  const services = [{ name: 'web', instances: 1, usable: 0 }];
  const check = (name: string) => ({ node: 'cat', service: 'web', name, status: 'critical', output: '' });
  const maintenance = check('Service Maintenance Mode');
  const [finding] = examine({ ...HEALTHY, services, checks: [maintenance] });
  expect(finding).toMatchObject({ code: 'serviceInMaintenance', severity: 'note' });
  expect(finding?.fix).toBe('hearsay maint off ID on cat, when the work is done');
  expect(found({ services, checks: [maintenance, check('port')] })).toEqual([['serviceDown', ['cat']]]);
});

test('the worst comes first, and only what is about the nodes that were named', () => {
  const over = { awareness: 3, degraded: ['storage: EIO'], silent: ['cat'] };
  expect(found(over).map(([code]) => code)).toEqual(['degraded', 'unhealthy', 'noAck']);
  expect(examine({ ...HEALTHY, ...over }, ['cat']).map(({ code }) => code)).toEqual(['noAck']);
});
