/** `hearsay import consul --follow`, at a Consul whose indexes the test sets, into a real agent. */
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { runCli } from '../../../../src/cli/index.ts';
import { resolveConfig } from '../../../../src/config/resolve.ts';
import { startAgent } from '../../../../src/main.ts';
import { type FakeCatalog, type FakeConsul, startFakeConsul } from '../fake-consul.ts';
import { createFakeProcess } from '../helper.ts';

const HOST = '127.24.1.1';
/** Below the ten seconds after which all is read again: what is seen by then was seen for its change. */
const SOON = { timeout: 6_000, interval: 20 };

async function follow({ onTestFinished }: TestContext, index: number, catalog: FakeCatalog) {
  const flags = { node: 'new-1', bind: `${HOST}:0`, http: `${HOST}:0`, dns: 'off', preset: 'local' };
  const { config } = resolveConfig({
    ...{ flags: { ...flags, logLevel: 'error' }, env: {}, files: [], hostname: 'host', terminal: false },
  });
  const running = await startAgent(config);
  onTestFinished(() => running.stop());
  const own = `http://${running.http}`;
  const consul = await startFakeConsul(HOST, index, catalog);
  const process = createFakeProcess();
  const ended = runCli(['import', 'consul', consul.url, '--follow', '--http-addr', own], process.io);
  onTestFinished(async () => {
    process.send('SIGINT');
    await ended;
  });
  await vi.waitFor(() => expect(process.out()).toMatch(/^imported/), SOON);
  await waiting(consul, index);
  return { own, consul, process, ended };
}

/** Until the import waits for what comes after this index. */
const waiting = (consul: FakeConsul, index: number): Promise<void> =>
  vi.waitFor(() => expect(consul.asked.at(-1)).toBe(index), SOON);

/** Until these nodes have a healthy instance. */
const becomes = (own: string, service: string, nodes: readonly string[]): Promise<void> =>
  vi.waitFor(async () => {
    const answer = await fetch(`${own}/v1/health/service/${service}?passing`);
    const rows = (await answer.json()) as { Node: { Node: string } }[];
    expect(rows.map(({ Node }) => Node.Node).sort()).toEqual(nodes);
  }, SOON);

// Beside one another: they mostly wait for the second between two reads.
describe.concurrent('import consul --follow', () => {
  test('each change is followed, and a signal ends it', async (context) => {
    const { own, consul, process, ended } = await follow(context, 100, { a: { web: 'passing' } });
    await becomes(own, 'web', ['a']);
    consul.set(101, { a: { web: 'critical' }, b: { web: 'passing' } });
    await becomes(own, 'web', ['b']);
    await waiting(consul, 101);
    consul.set(102, { b: { web: 'passing', db: 'passing' } });
    await becomes(own, 'db', ['b']);
    await waiting(consul, 102);
    expect(process.out().split('\n').slice(0, 3)).toEqual([
      'imported 1 nodes with 1 services, removed 0, skipped 0',
      'imported 2 nodes with 2 services, removed 0, skipped 0',
      'imported 1 nodes with 2 services, removed 1, skipped 0',
    ]);
    const nodes = (await (await fetch(`${own}/v1/catalog/nodes`)).json()) as { Node: string }[];
    expect(nodes.map(({ Node }) => Node).sort()).toEqual(['b', 'new-1']);
    process.send('SIGTERM');
    expect([await ended, process.err()]).toEqual([0, '']);
  });

  test('while Consul refuses, nothing is removed; what changed meanwhile is seen at once', async (context) => {
    const { own, consul, process } = await follow(context, 100, { a: { web: 'passing' } });
    consul.refuse('/v1/health/state');
    await vi.waitFor(() => expect(process.err()).toMatch(/500 No cluster leader.*; trying again/), SOON);
    expect(process.err()).not.toContain('\u001b');
    await becomes(own, 'web', ['a']);
    consul.set(100, { b: { web: 'passing' } });
    consul.refuse();
    await becomes(own, 'web', ['b']);
  });

  test('a change whose reading fails half-way is read again, though the index has been seen', async (context) => {
    const { own, consul, process } = await follow(context, 100, { a: { web: 'passing' } });
    consul.refuse('/v1/health/node/');
    consul.set(101, { a: { web: 'passing' }, b: { web: 'passing' } });
    await vi.waitFor(() => expect(process.err()).toMatch(/refuses \/v1\/health\/node\/a/), SOON);
    await becomes(own, 'web', ['a']);
    consul.refuse();
    await becomes(own, 'web', ['a', 'b']);
  });

  test('a Consul that restarts with lower indexes is followed from there', async (context) => {
    const { own, consul, process } = await follow(context, 9000, { a: { web: 'passing' } });
    await consul.close();
    await vi.waitFor(() => expect(process.err()).toMatch(/no Consul answers.*; trying again/), SOON);
    consul.set(3, { b: { web: 'passing' } });
    await consul.reopen();
    await becomes(own, 'web', ['b']);
    await waiting(consul, 3);
    consul.set(4, { b: { web: 'passing' }, c: { web: 'passing' } });
    await becomes(own, 'web', ['b', 'c']);
  });

  test('changes that come thick and fast are read once a second at most', async (context) => {
    const { own, consul } = await follow(context, 100, { a: { web: 'passing' } });
    for (const index of [101, 102, 103]) {
      await waiting(consul, index - 1);
      consul.set(index, { a: { web: 'passing' }, [`n${index}`]: { web: 'passing' } });
    }
    await becomes(own, 'web', ['a', 'n103']);
    const gaps = consul.readAt.slice(1).map((at, i) => at - (consul.readAt[i] ?? 0));
    expect(gaps.length).toBe(3);
    expect(Math.min(...gaps)).toBeGreaterThan(990);
  });

  test('a node that the agent has lost is registered again', async (context) => {
    const { own, consul } = await follow(context, 100, { a: { web: 'passing' } });
    const body = JSON.stringify({ Node: 'a' });
    const gone = await fetch(`${own}/v1/catalog/deregister`, { method: 'PUT', body });
    expect(gone.status).toBe(200);
    await becomes(own, 'web', []);
    consul.set(101, { a: { web: 'passing' } });
    await becomes(own, 'web', ['a']);
  });
});
