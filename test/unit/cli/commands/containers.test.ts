import { expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const followed = { engine: 'docker', away: null, containers: 12, refused: [], refusals: 0 };

test('prints each engine, and which containers are refused for which reason', async () => {
  const refused = [{ container: 'web-3', reason: 'hearsay.nmae: is no label that is known here\u001b[2J' }];
  const agent = await startFakeAgent({
    'GET /v1/hearsay/containers': [{ ...followed, refused, refusals: 2 }],
  });
  const ran = await hearsay(['containers', '--http-addr', agent.url]);
  expect(ran.code).toBe(0);
  expect(ran.out.split('\n').slice(0, 2)).toEqual([
    'ENGINE  CONTAINERS  REFUSED  STATUS',
    'docker  12          2        followed',
  ]);
  expect(ran.out).not.toContain('\u001b');
  expect(ran.out).toMatch(
    /\nweb-3 is not registered: hearsay\.nmae: is no label that is known here.*\nand 1 more\n$/,
  );
});

test('exits 1 where an engine is away', async () => {
  const away = 'there is no socket /var/run/docker.sock: start the engine, or give its socket as unix:PATH';
  const agent = await startFakeAgent({ 'GET /v1/hearsay/containers': [followed, { ...followed, away }] });
  const ran = await hearsay(['containers', '--http-addr', agent.url]);
  expect(ran.code).toBe(1);
  expect(ran.out).toContain(`away: ${away}`);
  const json = await hearsay(['containers', '--json', '--http-addr', agent.url]);
  expect(JSON.parse(json.out)).toEqual([followed, { ...followed, away }]);
});

test('without an engine says how to follow one', async () => {
  const agent = await startFakeAgent({ 'GET /v1/hearsay/containers': [] });
  const ran = await hearsay(['containers', '--http-addr', agent.url]);
  expect([ran.code, ran.out]).toEqual([0, '']);
  expect(ran.err).toContain('--containers docker');
});
