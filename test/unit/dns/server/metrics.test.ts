import { expect, test } from 'vitest';
import { Meter } from '../../../../src/base/meter.ts';
import { ask, open, overUdp } from '../fixture.ts';

test('answers are counted by transport and code, never by what was asked', async () => {
  const meter = new Meter();
  const door = await open({ meter });
  await ask(door, 'd1.node.consul A');
  await ask(door, 'd1.node.consul AAAA');
  await ask(door, 'nobody.node.consul A', { tcp: true });
  await ask(door, 'www.example.com A');
  await overUdp(door, Buffer.from('000100000001000000000000', 'hex'));
  const [answers] = meter.families();
  expect(answers?.samples).toEqual([
    { labels: ['udp', 'NOERROR'], value: 2 },
    { labels: ['tcp', 'NXDOMAIN'], value: 1 },
    { labels: ['udp', 'REFUSED'], value: 1 },
    { labels: ['udp', 'FORMERR'], value: 1 },
  ]);
});
