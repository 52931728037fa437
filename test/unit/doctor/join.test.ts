/** What keeps an agent of this host from joining a seed, each with what mends it; a seed that answers has no finding. */
import { expect, test } from 'vitest';
import { examineJoin, type SeedAddressFact, type StreamOutcome } from '../../../src/doctor/join.ts';

const SIZES = [128, 512, 1400];
const datagrams = (acked: (bytes: number) => boolean): SeedAddressFact['datagrams'] =>
  SIZES.map((bytes) => ({ bytes, isAcked: acked(bytes) }));
const seen = (stream: StreamOutcome, acked: (bytes: number) => boolean, address = '10.0.0.7:7946') => ({
  ...{ address, stream, detail: 'what it said', datagrams: datagrams(acked) },
});
const found = (...addresses: readonly SeedAddressFact[]) =>
  examineJoin({ seed: 'db', addresses, keys: ['439bc0e5abe75933'] });
const all = (): boolean => true;
const none = (): boolean => false;

test('a seed that answers over TCP, and over UDP in each size, has no finding', () => {
  expect(found(seen('acked', all))).toEqual([]);
});

test.each([
  ['refused', none, 'refused', 'ss -lntu | grep 7946'],
  ['unreachable', none, 'unreachable', 'ip route get 10.0.0.7'],
  ['timeout', none, 'timeout', 'ping 10.0.0.7'],
  ['timeout', all, 'tcpBlocked', 'tcp dport 7946 accept'],
  ['unanswered', none, 'unanswered', 'restart'],
  ['closed', none, 'wrongLabel', '--label'],
  ['unlabeled', none, 'wrongLabel', 'remove --label'],
  ['encrypted', none, 'noKey', 'HEARSAY_GOSSIP_KEY'],
  ['plaintext', none, 'notEncrypted', 'remove HEARSAY_GOSSIP_KEY'],
  ['undecryptable', none, 'wrongKey', 'hearsay keys list'],
  ['foreign', none, 'noGossip', 'gossip port'],
  ['acked', none, 'udpBlocked', 'udp dport 7946 accept'],
  ['acked', (bytes: number) => bytes < 1400, 'largeDatagrams', 'ping -M do'],
] as const)('%s over TCP, and UDP as it is: one error, with what mends it', (stream, acked, code, fix) => {
  const [finding, ...others] = found(seen(stream, acked));
  expect(finding).toMatchObject({ code, severity: 'error', layer: 'pairs' });
  expect(finding?.sentence).toContain('10.0.0.7:7946');
  expect(finding?.fix).toContain(fix);
  expect(others).toEqual([]);
});

test('a wrong key is told with the fingerprints of the keys here', () => {
  expect(found(seen('undecryptable', none))[0]?.evidence).toContain('the keys here: 439bc0e5abe75933');
});

test('which sizes of UDP were answered, and which were not', () => {
  expect(found(seen('acked', (bytes) => bytes < 1400))[0]?.evidence).toEqual([
    ...['TCP: a ping is answered', 'UDP: answered with 128, 512 bytes', 'UDP: no answer with 1400 bytes'],
  ]);
});

test('an address that fails is a note as long as another one of the seed answers', () => {
  const findings = found(seen('refused', none, '[fd00::7]:7946'), seen('acked', all));
  expect(findings.map(({ severity, code }) => [severity, code])).toEqual([['note', 'refused']]);
  expect(findings[0]?.sentence).toContain('[fd00::7]:7946');
});

test('a name without an address', () => {
  const [finding] = examineJoin({ seed: 'db', addresses: [], error: 'db does not resolve', keys: [] });
  expect(finding).toMatchObject({ code: 'unresolved', severity: 'error', layer: 'host' });
});
