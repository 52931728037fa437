import { expect, test } from 'vitest';
import { agentWith, hearsay } from './helper.ts';

const REASON = {
  kind: 'check',
  excludes: true,
  says: 'its check "beat" is critical (no heart)',
  by: 'n1',
  sinceMs: 61_000,
};
const instance = (id: string, usable: boolean, ...reasons: object[]) => ({
  id,
  node: 'n1',
  address: '10.0.0.1',
  port: 80,
  status: usable ? 'passing' : 'critical',
  answers: { usable, passing: usable, asked: true },
  verdict: '',
  reasons,
});
const WHY = {
  service: 'web',
  verdict: '1 of 2 in the answers',
  instances: [instance('web-1', true), instance('web-2', false, REASON)],
  unseen: [],
};

async function why(name: string, answer: object, ...words: string[]) {
  const { url, asked } = await agentWith({ 'GET /v1/hearsay/why': answer });
  const ran = await hearsay(['why', name, ...words, '--http-addr', url]);
  return { ...ran, asked: asked[0]?.url };
}

test('why tells for each instance what is said against it, by whom and since when', async () => {
  expect(await why('web', WHY)).toEqual({
    code: 0,
    err: '',
    asked: '/v1/hearsay/why?service=web',
    out: [
      'ID     NODE  ADDRESS      STATUS   ANSWERED',
      'web-1  n1    10.0.0.1:80  passing  yes',
      '  nothing is said against it',
      '',
      'ID     NODE  ADDRESS      STATUS    ANSWERED',
      'web-2  n1    10.0.0.1:80  critical  no',
      '  - its check "beat" is critical (no heart) (n1 says so, for 1m)',
      '',
      '1 of 2 in the answers',
      '',
    ].join('\n'),
  });
});

test('an id may hold slashes; --json is the answer itself', async () => {
  const { asked, out } = await why('web/a/b:1', WHY, '--json');
  expect(asked).toBe('/v1/hearsay/why?service=web&id=a%2Fb%3A1');
  expect(JSON.parse(out)).toEqual(WHY);
});

test('what was never seen is exit 4, and names the members of which nothing is known', async () => {
  const unseen = [{ node: 'n2', status: 'alive', says: 'it has published nothing' }];
  const ran = await why('nope', { service: 'nope', verdict: 'not seen', instances: [], unseen });
  expect([ran.code, ran.out]).toEqual([
    4,
    'not seen\nNODE  STATUS  WHAT IS KNOWN\nn2    alive   it has published nothing\n',
  ]);
  expect(ran.err).toMatch(/no instance of "nope" has been seen: see `hearsay services`/);
});
