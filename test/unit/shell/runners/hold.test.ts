/** The hold check: a connection that is kept, against real sockets. */
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { CheckOutcome } from '../../../../src/checks/types.ts';
import { createRunners, type RunnersOptions } from '../../../../src/shell/runners/index.ts';
import { waitUntil } from '../../../support/wait.ts';
import { listening, order } from './support.ts';

function holding(options: Partial<Omit<RunnersOptions, 'onOutcome'>> = {}) {
  const outcomes: CheckOutcome[] = [];
  const runners = createRunners({ allowExec: false, ...options, onOutcome: (one) => outcomes.push(one) });
  onTestFinished(() => runners.close());
  const said = (): string[] =>
    outcomes.map(({ status, continues }) => `${status}${continues === true ? ' and goes on' : ''}`);
  const count = (n: number): Promise<true> => waitUntil(`${n} outcomes`, 10_000, () => outcomes.length === n);
  return { outcomes, runners, said, count };
}

async function listenHere() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  const port = await listening(server);
  return { Hold: `127.0.0.1:${port}`, sockets, server };
}

test('passes while the connection is open, whatever is sent, and is critical the moment it closes', async () => {
  const { Hold, sockets } = await listenHere();
  const { runners, outcomes, said, count } = holding();
  runners.run(order({ Hold }));
  await count(1);
  expect(said()).toEqual(['passing and goes on']);
  await waitUntil('it is accepted', 5000, () => sockets.length === 1);
  sockets[0]?.write('x'.repeat(1_000_000));
  sockets[0]?.end();
  await count(2);
  expect(said()[1]).toBe('critical');
  expect(outcomes[1]?.output).toBe(`Hold ${Hold}: the connection closed`);
});

test('a reset is critical, too', async () => {
  const { Hold, sockets } = await listenHere();
  const { runners, said, count } = holding();
  runners.run(order({ Hold }));
  await waitUntil('it is accepted', 5000, () => sockets.length === 1);
  await count(1);
  sockets[0]?.resetAndDestroy();
  await count(2);
  expect(said()).toEqual(['passing and goes on', 'critical']);
});

test('a refusal and a denied address are critical at once', async () => {
  const { Hold, server } = await listenHere();
  server.close();
  const { runners, outcomes, count } = holding();
  runners.run(order({ Hold }));
  await count(1);
  expect(outcomes[0]).toMatchObject({ status: 'critical', output: `Hold ${Hold}: connection refused` });
  runners.run(order({ Hold: '192.0.2.1:80' }));
  await count(2);
  expect(outcomes[1]?.output).toContain('is denied to checks');
});

test('stopped, it closes its connection and says nothing; a newer run of it ends the older', async () => {
  const { Hold, sockets } = await listenHere();
  const { runners, said, count } = holding();
  const run = order({ Hold });
  runners.run(run);
  await count(1);
  runners.run({ ...run, generation: 2 });
  await count(2);
  await waitUntil(
    'the older is closed',
    5000,
    () => sockets.length === 2 && sockets[0]?.readyState !== 'open',
  );
  runners.stop(run.check);
  await waitUntil('all are closed', 5000, () => sockets.every(({ readyState }) => readyState !== 'open'));
  expect(said()).toEqual(['passing and goes on', 'passing and goes on']);
});

test('more connections are held than there are slots', async () => {
  const { Hold, sockets } = await listenHere();
  const { runners, said, count } = holding({ maxQuick: 2, maxConcurrent: 2 });
  for (let i = 0; i < 20; i++) runners.run({ ...order({ Hold }), check: `c${i}` });
  await count(20);
  expect(new Set(said())).toEqual(new Set(['passing and goes on']));
  await waitUntil('all are accepted', 5000, () => sockets.length === 20);
});
