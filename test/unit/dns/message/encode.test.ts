import { decode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { CompiledAnswer } from '../../../../src/dns/message/compiled-records.ts';
import { encodeResponse, MAX_MESSAGE_BYTES } from '../../../../src/dns/message/encode.ts';
import {
  QUESTION_NAME,
  RCODE,
  type RecordData,
  type ResourceRecord,
} from '../../../../src/dns/message/records.ts';
import { type DnsRequest, parseDnsRequest } from '../../../../src/dns/message/request.ts';
import { queryBytes } from '../fixture.ts';

const encodeRecords = (name: string, records: readonly ResourceRecord[]): Buffer =>
  encodeResponseTo(queryBytes(name, 'A'), records);

function encodeResponseTo(query: Buffer, records: readonly ResourceRecord[]): Buffer {
  const compiled = new CompiledAnswer(records.map((record) => ({ record, additionals: [] })));
  const chosen = {
    answers: [...compiled.cnames, ...compiled.items],
    authority: [],
    withAdditionals: true,
    truncated: false,
  };
  const head = { rcode: RCODE.NOERROR, authoritative: true };
  return encodeResponse(
    parseDnsRequest(query) as DnsRequest,
    head,
    compiled,
    chosen,
    MAX_MESSAGE_BYTES,
  ) as Buffer;
}

const answer = (data: RecordData): ResourceRecord => ({ owner: QUESTION_NAME, ttlSeconds: 9, data });

describe('records as dns-packet decodes them', () => {
  test.each<[string, RecordData, unknown]>([
    ['A', { type: 'A', ip: Uint8Array.of(10, 0, 0, 1) }, '10.0.0.1'],
    ['AAAA', { type: 'AAAA', ip: Uint8Array.of(0xfd, ...Array(14).fill(0), 5) }, 'fd00::5'],
    ['NS', { type: 'NS', name: 'd1.node.dc1.consul' }, 'd1.node.dc1.consul'],
    ['CNAME', { type: 'CNAME', name: 'backend.example.com' }, 'backend.example.com'],
    ['PTR', { type: 'PTR', name: 'd1.node.dc1.consul' }, 'd1.node.dc1.consul'],
    ['HINFO', { type: 'HINFO', cpu: 'RFC8482', os: '' }, { cpu: 'RFC8482', os: '' }],
    [
      'SRV',
      { type: 'SRV', priority: 1, weight: 2, port: 8080, target: 'd1.node.dc1.consul' },
      { priority: 1, weight: 2, port: 8080, target: 'd1.node.dc1.consul' },
    ],
    ['TXT, empty', { type: 'TXT', text: Buffer.alloc(0) }, [Buffer.alloc(0)]],
    ['TXT, 256', { type: 'TXT', text: Buffer.alloc(256, 65) }, [Buffer.alloc(255, 65), Buffer.alloc(1, 65)]],
  ])('%s', (_, data, read) => {
    const packet = decode(encodeRecords('x.service.consul', [answer(data)]));
    expect(packet.answers).toMatchObject([{ name: 'x.service.consul', ttl: 9, class: 'IN', data: read }]);
  });
});

describe('D8 compression', () => {
  test('a repeated name is a pointer, and so is a repeated suffix', () => {
    const target = 'd1.node.dc1.consul';
    const once = encodeRecords('web.service.consul', [answer({ type: 'NS', name: target })]);
    const twice = encodeRecords('web.service.consul', [
      answer({ type: 'NS', name: target }),
      { owner: target, ttlSeconds: 0, data: { type: 'A', ip: Uint8Array.of(1, 2, 3, 4) } },
    ]);
    expect(once.length).toBe(12 + 24 + 12 + 'd1.node.dc1.'.length + 2); // `consul` points into the question
    expect(twice.length).toBe(once.length + 12 + 4);
    expect(decode(twice).answers).toMatchObject([{ data: target }, { name: target }]);
  });

  test('case-sensitive: a question in capitals does not change the letter case of a target', () => {
    const { answers } = decode(
      encodeRecords('WEB.SERVICE.CONSUL', [answer({ type: 'NS', name: 'd1.node.consul' })]),
    );
    expect(answers).toMatchObject([{ name: 'WEB.SERVICE.CONSUL', data: 'd1.node.consul' }]);
  });

  test('beyond 16 KiB there are no pointers to offsets out of their reach', () => {
    const records = Array.from({ length: 2000 }, (_, i) =>
      answer({ type: 'NS', name: `node-${i >> 1}.node.dc1.consul` }),
    );
    const { answers = [] } = decode(encodeRecords('web.service.consul', records));
    expect(answers.map((record) => 'data' in record && record.data)).toEqual(
      records.map((_, i) => `node-${i >> 1}.node.dc1.consul`),
    );
  });

  test('the target of an SRV is written in full, as RFC 2782 asks, and the names behind it point into it', () => {
    const target = 'd1.node.dc1.consul';
    const srv = answer({ type: 'SRV', priority: 1, weight: 1, port: 8080, target });
    const bytes = encodeRecords('web.service.consul', [
      srv,
      { owner: target, ttlSeconds: 0, data: { type: 'A', ip: Uint8Array.of(1, 2, 3, 4) } },
    ]);
    const once = 12 + 24 + 12 + 6 + target.length + 2;
    expect(encodeRecords('web.service.consul', [srv]).length).toBe(once);
    expect(bytes.length).toBe(once + 12 + 4);
    expect(bytes.includes(Buffer.from('\x02d1\x04node\x03dc1\x06consul\x00'))).toBe(true);
    expect(decode(bytes).answers).toMatchObject([{ data: { target } }, { name: target, data: '1.2.3.4' }]);
  });

  test('a dot or invalid text inside a label of the question is not taken for another name', () => {
    const query = queryBytes('a-b.node.consul', 'A');
    for (const octet of [0x2e, 0x00, 0xff]) {
      query[14] = octet;
      const bytes = encodeResponseTo(query, [
        answer({ type: 'NS', name: 'a.b.node.consul' }),
        answer({ type: 'NS', name: 'b.node.consul' }),
      ]);
      expect(decode(bytes).answers).toMatchObject([{ data: 'a.b.node.consul' }, { data: 'b.node.consul' }]);
      expect(bytes.includes(Buffer.from('\x01a\x01b'))).toBe(true); // two labels, not one with a dot
    }
  });

  test('an invalid name is refused rather than encoded wrongly', () => {
    for (const name of [`${'x'.repeat(64)}.consul`, 'a..consul', `${'abcdefg.'.repeat(32)}consul`])
      expect(() => encodeRecords('x.consul', [answer({ type: 'NS', name })])).toThrow(RangeError);
  });
});
