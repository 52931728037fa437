/** Services whose address is a host name outside our domains: the answer has what recursors say about the name. */
import type { Answer } from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { SERVICES } from '../catalog.ts';
import { answerTo, sendQuery } from '../fixture.ts';
import {
  A,
  closeAll,
  type Respond,
  respondTo,
  servfail,
  startRecursor,
  startServerWith,
} from './fake-recursor.ts';

afterEach(closeAll);

describe('a service whose address is a foreign name', () => {
  const CNAME = (name: string, target: string): Answer => ({ type: 'CNAME', name, ttl: 30, data: target });
  const upstream: Respond = (question, bytes) => {
    const { name = '', type = 'A' } = question.questions?.[0] ?? {};
    if (type !== 'A') return respondTo(bytes, []);
    return respondTo(bytes, [CNAME(name, 'real.example.net'), A('real.example.net', '192.0.2.7')]);
  };

  test('A has the CNAME and what recursors say about the name; SRV has it as additional record', async () => {
    const one = await startRecursor(upstream);
    const own = await startServerWith([one], {}, SERVICES);
    const chain = 'CNAME backend.example.com | CNAME real.example.net';
    expect(await answerTo(own, 'hostsvc.service.consul A')).toBe(`NOERROR | A 192.0.2.7 | ${chain}`);
    const { answers = [] } = await sendQuery(own, 'hostsvc.service.consul A');
    expect(answers.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'hostsvc.service.consul CNAME',
      'backend.example.com CNAME',
      'real.example.net A',
    ]);
    expect(await answerTo(own, 'hostsvc.service.consul SRV')).toMatch(
      / \| \+ backend\.example\.com CNAME real\.example\.net \| \+ real\.example\.net A 192\.0\.2\.7$/,
    );
    expect(await answerTo(own, 'hostsvc.service.consul A', { flags: 0 })).toBe(
      'NOERROR | CNAME backend.example.com',
    );
  });

  test('a name without addresses leaves the CNAME alone, and so does a recursor that is away', async () => {
    const own = await startServerWith([await startRecursor(upstream)], {}, SERVICES);
    expect(await answerTo(own, 'hostsvc.service.consul AAAA')).toBe('NOERROR | CNAME backend.example.com');
    const away = await startServerWith([await startRecursor(servfail)], {}, SERVICES);
    expect(await answerTo(away, 'hostsvc.service.consul A')).toBe('NOERROR | CNAME backend.example.com');
  });
});
