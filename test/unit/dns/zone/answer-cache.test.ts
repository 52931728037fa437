/** A cached answer equals one that is compiled anew, and is dropped when it no longer would. */
import { decode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { answerQuery } from '../../../../src/dns/answer.ts';
import type { CompiledAnswer } from '../../../../src/dns/message/compiled-records.ts';
import { type DnsRequest, parseDnsRequest } from '../../../../src/dns/message/request.ts';
import { createZone, DNS_DEFAULTS } from '../../../../src/dns/options.ts';
import {
  maxRecordsIn,
  maxResponseBytes,
  type QueryOrigin,
  truncateResponse,
} from '../../../../src/dns/truncate.ts';
import type { Zone } from '../../../../src/dns/zone/zone.ts';
import { bigService, SERVICES } from '../catalog.ts';
import { type FakeView, queryBytes, TABLE, viewOf } from '../fixture.ts';

const UDP: QueryOrigin = { transport: 'udp', loopback: true, spoofable: false, trusted: true };
const big = bigService(400);

const zoneFor = (view: FakeView, more: { aRecordLimit?: number } = {}): Zone =>
  createZone({
    ...{ view, domain: 'consul', altDomain: 'hearsay', datacenter: 'dc1', nodeTtlSeconds: 0 },
    ...{ serial: () => 1, rng: createRng(1) },
    ...more,
  });

const viewOfAll = (): FakeView => viewOf([...TABLE, ...big.nodes], [...SERVICES, ...big.services]);

function answerFor(
  zone: Zone,
  name: string,
  type: string,
  edns = 1232,
): { compiled: CompiledAnswer; request: DnsRequest } {
  const request = parseDnsRequest(queryBytes(name, type, { edns })) as DnsRequest;
  const maxRecords = maxRecordsIn(maxResponseBytes(request, UDP));
  return {
    request,
    compiled: answerQuery(request, zone, { spoofable: false, maxRecords }).compiled,
  };
}

function bytesOf(zone: Zone, name: string, type: string, edns?: number): Buffer {
  const { request, compiled } = answerFor(zone, name, type, edns);
  const reply = { rcode: 0, authoritative: true, compiled } as const;
  return truncateResponse(
    request,
    reply,
    maxResponseBytes(request, UDP),
    UDP,
    DNS_DEFAULTS.truncation,
    createRng(3),
  );
}

describe('D10 cached answers', () => {
  test.each(['A', 'AAAA', 'SRV'])('%s of an unchanged service is compiled once', (type) => {
    const zone = zoneFor(viewOfAll());
    const name = type === 'AAAA' ? 'six.service.consul' : 'web.service.consul';
    expect(answerFor(zone, name, type).compiled).toBe(answerFor(zone, name, type).compiled);
  });

  test('each letter case of the domain, each domain, tag and type has its own entry', () => {
    const zone = zoneFor(viewOfAll());
    const names = [
      'web.service.consul',
      'web.service.Consul',
      'web.service.hearsay',
      'v1.web.service.consul',
    ];
    const compiled = names.flatMap((name) =>
      ['A', 'SRV'].map((type) => answerFor(zone, name, type).compiled),
    );
    expect(new Set(compiled).size).toBe(8);
  });

  test('whatever was queried before, in whatever order, the bytes equal those of a new agent', () => {
    const view = viewOfAll();
    const zone = zoneFor(view);
    const rng = createRng(5);
    const names = ['big.service.consul', 'big.service.dc1.consul', 'BIG.service.hearsay', '_big._tcp.consul'];
    for (let i = 0; i < 120; i++) {
      const name = names[rng.int(names.length)] as string;
      const type = ['A', 'SRV', 'AAAA', 'ANY'][rng.int(4)] as string;
      const edns = [0, 512, 700, 1232, 4096, 8192, 20_000, 65_507][rng.int(8)] as number;
      expect(bytesOf(zone, name, type, edns)).toEqual(bytesOf(zoneFor(view), name, type, edns));
    }
  });

  test('a change of the service or of a node shows in the next answer', () => {
    const view = viewOfAll();
    const zone = zoneFor(view);
    const ports = (): number[] =>
      (decode(bytesOf(zone, 'dup.service.consul', 'SRV')).answers ?? []).map((record) =>
        record.type === 'SRV' ? record.data.port : -1,
      );
    expect(ports().sort()).toEqual([1000, 1001]);
    view.setServices(SERVICES.map((row) => (row.id === 'dup-b' ? { ...row, port: 1002 } : row)));
    expect(ports().sort()).toEqual([1000, 1002]);
    view.setMembers(TABLE.map((row) => (row.name === 'd1' ? { ...row, ip: '10.0.0.99' } : row)));
    const additionals = decode(bytesOf(zone, 'dup.service.consul', 'SRV')).additionals ?? [];
    expect(additionals.map((record) => (record.type === 'A' ? record.data : record.type))).toEqual([
      '10.0.0.99',
      'OPT',
    ]);
  });

  test('answers that follow CNAMEs, are sampled or have an SOA are not cached', () => {
    const zone = zoneFor(viewOfAll());
    const limited = zoneFor(viewOfAll(), { aRecordLimit: 1 });
    for (const [at, name, type] of [
      [zone, 'alias.service.consul', 'SRV'],
      [zone, 'alias.service.consul', 'A'],
      [zone, 'web.service.consul', 'AAAA'],
      [limited, 'web.service.consul', 'A'],
      [zone, 'd1.node.consul', 'A'],
    ] as const)
      expect(answerFor(at, name, type).compiled).not.toBe(answerFor(at, name, type).compiled);
  });

  test('a client that takes more records does not get an answer compiled for fewer', () => {
    const zone = zoneFor(viewOfAll());
    expect(answerFor(zone, 'big.service.consul', 'SRV', 512).compiled.items).toHaveLength(33);
    const many = answerFor(zone, 'big.service.consul', 'SRV', 8192).compiled;
    expect(many.items).toHaveLength(400);
    expect(answerFor(zone, 'big.service.consul', 'SRV', 512).compiled).toBe(many);
    expect(answerFor(zone, 'big.service.consul', 'SRV', 65_507).compiled).toBe(many);
  });

  test('queries in ever new letter case evict old entries', () => {
    const zone = zoneFor(viewOfAll());
    const first = answerFor(zone, 'big.service.consul', 'SRV', 8192).compiled;
    const spellings = Array.from({ length: 64 }, (_, i) =>
      [...'consul'].map((letter, at) => ((i >> at) & 1 ? letter.toUpperCase() : letter)).join(''),
    );
    for (const domain of spellings) answerFor(zone, `big.service.${domain}`, 'SRV', 8192);
    expect(answerFor(zone, 'big.service.consul', 'SRV', 8192).compiled).not.toBe(first);
  });
});
