/** `hearsay demo --busy`: what changes, step by step, and that a killed node does not stop it. */
import { expect, test } from 'vitest';
import type { Client } from '../../../../src/cli/api/client.ts';
import { DemoTraffic } from '../../../../src/cli/commands/demo-busy.ts';

/** Nodes that note what they are asked. */
function createNodes(count: number) {
  const asked: string[] = [];
  const services = new Map<string, readonly string[]>();
  const nodeOf = (number: number) => {
    const put = async (path: string, body?: unknown): Promise<unknown> => {
      const { ID, Tags } = (body ?? {}) as { readonly ID?: string; readonly Tags?: readonly string[] };
      if (ID !== undefined && Tags !== undefined) services.set(ID, Tags);
      else services.delete(path.split('/').at(-1) as string);
      asked.push(`${number} ${ID ?? path}`);
      return undefined;
    };
    return { number, client: { put } as Partial<Client> as Client };
  };
  const nodes = Array.from({ length: count }, (_, i) => nodeOf(i + 1));
  return { nodes, asked, services };
}

test('services come, change their tags and go; there are never more than a handful', async () => {
  const { nodes, asked, services } = createNodes(3);
  const traffic = new DemoTraffic(async () => nodes);
  await traffic.step();
  expect([...services]).toEqual([['batch-1', ['demo', 'v0']]]);
  await traffic.step();
  expect([...services]).toEqual([['batch-1', ['demo', 'v1']]]);
  let most = 0;
  for (let i = 0; i < 100; i++) {
    await traffic.step();
    most = Math.max(most, services.size);
  }
  expect(most).toBe(7);
  expect(services.size).toBeGreaterThan(4);
  expect(services.has('batch-1')).toBe(false);
  expect(new Set(asked.map((one) => one[0]))).toEqual(new Set(['1', '2', '3']));
});

test('what a killed node had is forgotten, and the others go on', async () => {
  const { nodes, asked } = createNodes(2);
  let running = nodes;
  const traffic = new DemoTraffic(async () => running);
  for (let i = 0; i < 6; i++) await traffic.step();
  running = nodes.slice(1);
  const before = asked.length;
  for (let i = 0; i < 30; i++) await traffic.step();
  expect(new Set(asked.slice(before).map((one) => one[0]))).toEqual(new Set(['2']));
  running = [];
  await traffic.step();
});
