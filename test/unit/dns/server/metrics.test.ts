import { expect, test } from 'vitest';
import { Meter } from '../../../../src/base/meter.ts';
import { sendQuery, sendUdp, startServer } from '../fixture.ts';

test('responses are counted by transport and RCODE, never by name', async () => {
  const meter = new Meter();
  const server = await startServer({ meter });
  await sendQuery(server, 'd1.node.consul A');
  await sendQuery(server, 'd1.node.consul AAAA');
  await sendQuery(server, 'nobody.node.consul A', { tcp: true });
  await sendQuery(server, 'www.example.com A');
  await sendUdp(server, Buffer.from('000100000001000000000000', 'hex'));
  const [answers] = meter.families();
  expect(answers?.samples).toEqual([
    { labels: ['udp', 'NOERROR'], value: 2 },
    { labels: ['tcp', 'NXDOMAIN'], value: 1 },
    { labels: ['udp', 'REFUSED'], value: 1 },
    { labels: ['udp', 'FORMERR'], value: 1 },
  ]);
});
