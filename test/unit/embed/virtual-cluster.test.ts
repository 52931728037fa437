/** The virtual cluster: what programs under test see of crashes, of an agent that is away, and of time. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createCluster, type VirtualClusterOptions } from '../../../src/embed/testing.ts';
import { waitUntil } from '../../support/wait.ts';

function cluster(options: VirtualClusterOptions = { hosts: ['a', 'b', 'c'] }) {
  const one = createCluster(options);
  onTestFinished(() => one.close());
  return one;
}

test('a client whose agent is away for a minute goes on with its list, and says its age', () => {
  const it = cluster();
  it.register('b', { name: 'db', port: 5432 });
  const db = it.client('a').discover('db');
  it.until(() => db.all().length === 1);
  expect(db.age).toBe(0);
  it.crash('a');
  it.deregister('b', 'db');
  it.pass('1m');
  expect(db.age).toBe(60_000);
  expect(db.pick()).toMatchObject({ id: 'db', node: 'b', port: 5432 });
  it.restart('a');
  it.until(() => db.all().length === 0);
  expect(db.age).toBe(0);
});

test('statuses, drains and leases are what the agents make of them', async () => {
  const it = cluster();
  const db = it.client('a').discover('db');
  const lease = await it
    .client('b')
    .register({ name: 'db', id: 'db-1', weights: { passing: 2, warning: 1 } });
  it.until(() => db.all().length === 1);
  it.setStatus('b', 'db-1', 'warning');
  it.until(() => db.all()[0]?.status === 'warning');
  expect(db.pick().weight).toBe(1);
  it.setStatus('b', 'db-1', 'critical');
  it.until(() => db.all().length === 0);
  expect(() => db.pick()).toThrow('none of 1 can be used');
  it.setStatus('b', 'db-1', 'passing');
  it.drain('b', 'db-1');
  it.pass('5s');
  expect(db.all()).toEqual([]);
  it.drain('b', 'db-1', false);
  it.until(() => db.all().length === 1);
  await lease.release();
  it.until(() => db.all().length === 0);
});

test('the same seed gives the same run, and what does not happen is said', () => {
  const detection = (seed: number): number => {
    const it = cluster({ hosts: ['a', 'b', 'c'], seed });
    it.register('b', { name: 'db' });
    const db = it.client('a').discover('db');
    it.until(() => db.all().length === 1);
    it.partition(['a', 'c'], ['b']);
    return it.until(() => db.all().length === 0);
  };
  expect(detection(3)).toBe(detection(3));
  const it = cluster();
  expect(() => it.until(() => false, '1s')).toThrow('did not happen within 1s of virtual time');
});

test('in real time a program reaches a server of the test by the name of its service', async () => {
  const it = cluster({ hosts: ['a', 'b'], realTime: true });
  const server = createServer((_, outgoing) => outgoing.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.35.5.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  it.register('b', { name: 'web', port, address: '127.35.5.1' });
  const hearsay = it.client('a');
  const web = hearsay.discover('web');
  await waitUntil('it is there', 10_000, () => web.all().length === 1);
  const answer = await fetch('http://web/', { dispatcher: hearsay.dispatcher() } as RequestInit);
  expect(await answer.text()).toBe('hello');
});
