import { expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const A = { node: 'ann', id: 'w1' };
const B = { node: 'bob', id: 'w\u001b2' };
const POOL = {
  ...{ service: 'tasks', count: 3, node: 'ann', quorum: 1 },
  workers: [
    { ...A, usable: true },
    { ...B, usable: false },
  ],
  partitions: [
    { partition: 0, state: 'held', holder: A, token: 7, next: null, summary: 'w1 holds it.' },
    { partition: 1, state: 'releasing', holder: B, token: 8, next: A, summary: 'w1 waits for it.' },
    { partition: 2, state: 'free', holder: null, token: null, next: null, summary: 'Nobody has it.' },
  ],
};
const ANSWERS = {
  'GET /v1/hearsay/partitions/tasks/3': POOL,
  'GET /v1/hearsay/partitions': [POOL],
};

async function run(words: readonly string[], answers: object = ANSWERS) {
  const { url } = await startFakeAgent(answers as Record<string, object>);
  return hearsay(['partitions', ...words, '--http-addr', url]);
}

test('shows the partitions of the workers of this agent', async () => {
  const { code, out } = await run(['3', '--service', 'tasks']);
  expect([code, out]).toEqual([
    0,
    'PARTITION  STATE  WORKER  NODE  TOKEN\n0          held   w1      ann   7\n1 of 3 are held; 1 of 2 workers are usable\n',
  ]);
});

test('shows those of all with --all, and why one is not simply held', async () => {
  const { out } = await run(['3', '--service', 'tasks', '--all']);
  expect(out).toContain('1          releasing  w');
  expect(out).not.toContain('\u001b');
  expect(out).toContain('  1: w1 waits for it.\n  2: Nobody has it.\n');
});

test('says that a quorum is missing', async () => {
  const { out } = await run(['3', '--service', 'tasks'], {
    'GET /v1/hearsay/partitions/tasks/3': { ...POOL, quorum: 3 },
  });
  expect(out).toContain('\nnobody is to hold any: 2 of 3 workers are in view\n');
});

test('as JSON it is what the agent says, of the partitions that are shown', async () => {
  const { out } = await run(['3', '--service', 'tasks', '--json']);
  expect(JSON.parse(out)).toEqual({ ...POOL, partitions: [POOL.partitions[0]] });
});

test('lists all pools without a count', async () => {
  const { code, out } = await run([]);
  expect([code, out]).toEqual([0, 'SERVICE  PARTITIONS  HELD  WORKERS\ntasks    3           1     2\n']);
});

test('a pool without workers is exit 4 with what to do next', async () => {
  const empty = { ...POOL, workers: [], partitions: [] };
  const { code, err } = await run(['3', '--service', 'tasks'], {
    'GET /v1/hearsay/partitions/tasks/3': empty,
  });
  expect(code).toBe(4);
  expect(err).toContain('run `hearsay partitions` to list all pools');
});

test.each([
  [['0', '--service', 'tasks'], 'count'],
  [['x', '--service', 'tasks'], 'count'],
  [['--service', 'tasks'], 'count'],
  [['3'], '--service'],
])('%j is refused with the argument that is wrong', async (words, what) => {
  const { code, err } = await hearsay(['partitions', ...words]);
  expect(code).toBe(2);
  expect(err).toContain(what);
});

test('the help says what is promised', async () => {
  const { out } = await hearsay(['partitions', '--help']);
  expect(out).toContain('It is no lock.');
});
