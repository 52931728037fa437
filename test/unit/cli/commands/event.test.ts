import { expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const event = { ID: 'x', Name: 'deploy', Payload: 'djE=', LTime: 0 };

test('event: fires with the payload as it stands', async () => {
  const agent = await startFakeAgent({ 'PUT /v1/event/fire/deploy': event });

  const ran = await hearsay(['event', 'deploy', 'v1 {', '--coalesce', '--http-addr', agent.url]);

  expect(ran).toEqual({ code: 0, out: 'fired deploy\n', err: '' });
  expect(agent.requests).toMatchObject([{ url: '/v1/event/fire/deploy?coalesce=true', body: 'v1 {' }]);
});

test('event: one that is too large exits 2 with the reason', async () => {
  const agent = await startFakeAgent({
    'PUT /v1/event/fire/deploy': { status: 413, body: 'name and payload of an event take 600 bytes' },
  });

  const ran = await hearsay(['event', 'deploy', 'x', '--json', '--http-addr', agent.url]);

  expect(ran.code).toBe(2);
  expect(ran.err).toContain('600 bytes');
});
