/**
 * I11 at rest: after requests, streams, relays, timers, checks and members have ended, no map of an agent holds more than it
 * did after the same things had ended before.
 */
import { expect, test } from 'vitest';
import type { Command } from '../../src/agent/contract/commands.ts';
import type { View } from '../../src/agent/contract/view.ts';
import { encodeUtf8, NO_BYTES } from '../../src/base/bytes.ts';
import { createAgentFor } from '../../src/sim/peers/create-agent.ts';
import { makeScheduledCheck, makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { bootstrapCluster, joinOthers } from '../../src/sim/world/bootstrap.ts';
import { World } from '../../src/sim/world/world.ts';
import { grown, trackMaps } from '../support/tracked-maps.ts';

/** Bounded memories of what happened, which hold more the more has happened, and why each is bounded. */
const MEMORIES = [
  'agent/evidence/', // a fixed number of entries, members and investigations
  'serf/dedup-buffer.ts', // events and queries of the last Lamport times
  'agent/readers/topic-indexes.ts', // the index of each name that there has been, and of the last queries
  'sim/', // the world remembers its hosts
  'wire/serf.ts', // tags, which the world keeps with the last identities of each name
  'catalog/ledger.ts', // entries, which the world keeps with the last ledgers of each name
];

const QUERY = { name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 1 };
const OPTIONS = {
  serf: { tombstoneTimeout: 30_000, reconnectTimeout: 30_000 },
  retention: { tombstones: 20_000, droppedMembers: 30_000 },
};
const COMMANDS = 60;

/** What readers ask for is kept until it changes, also about a member that leaves then. */
function readAll(view: View | undefined): void {
  if (view === undefined) return;
  for (const { name } of view.members()) {
    view.catalog.node(name);
    view.evidence(name);
    view.coordinate(name);
  }
  for (const service of view.catalog.services().keys()) {
    view.catalog.usable(service);
    view.zones.plan(service);
  }
  view.partitionSummary();
}

/** Everything that a request, a waiter, a stream, a relay or a timer can be of, and a rest. */
function liveThrough(world: World, guest: string): void {
  const send = (command: Command): void => void world.command('ann', command);
  for (let i = 0; i < COMMANDS; i++) {
    const id = `web-${i % 10}`;
    const checks = [makeTtlCheck(`ttl-${id}`, id), makeScheduledCheck(`run-${id}`, id, {})];
    send({ kind: 'registerService', service: makeService(id), checks, replaceChecks: true });
    send({ kind: 'updateCheck', id: `ttl-${id}`, status: 'warning', output: `${i}` });
    send({ kind: 'drain', service: id, on: true });
    send({ kind: 'maintenance', service: id, on: true, reason: 'test' });
    send({ kind: 'deregisterService', id });
    send({ kind: 'setTags', set: new Map([['round', `${i}`]]), remove: [] });
    if (i % 10 === 0) send({ kind: 'fireEvent', name: 'e', payload: encodeUtf8(`${i}`), coalesce: true });
    if (i % 20 === 0) {
      send({ kind: 'query', query: { ...QUERY, timeout: 1000 } });
      send({ kind: 'queryWitnesses', node: 'bob', timeout: 1000 });
      send({ kind: 'keys', operation: 'list', key: undefined, force: false, timeout: 1000 });
    }
    world.run(20);
  }
  // Direct probes fail for a while, so members ask one another to relay; then relayed ones fail as well.
  for (const cut of [['ann'], ['ann', 'cat']]) {
    const lifts = [
      world.network.addRule({ from: cut, to: ['bob'], transport: 'udp' }),
      world.network.addRule({ from: ['bob'], to: cut, transport: 'udp' }),
    ];
    world.run(10_000);
    for (const lift of lifts) lift();
  }
  // A member comes with a service, and leaves.
  world.add(guest, OPTIONS);
  world.start(guest);
  joinOthers(world, guest);
  world.run(3000);
  const service = makeService(`${guest}-1`);
  world.command(guest, {
    ...{ kind: 'registerService', service, checks: [makeTtlCheck('c', service.id)] },
    replaceChecks: true,
  });
  world.run(3000);
  for (const { agent } of world.hosts) readAll(agent?.view);
  world.command(guest, { kind: 'leave' });
  world.run(150_000);
}

test('I11: commands, relays, checks, queries and guests that have ended leave no entry behind in any map', async () => {
  const maps = trackMaps();
  const world = new World({ seed: 3, makeAgent: createAgentFor });
  const labels = ['ann', 'bob', 'cat'];
  for (const label of labels) world.add(label, OPTIONS);
  bootstrapCluster(world, labels);
  type Entries = ReadonlyMap<string, number>;
  const rests: Entries[] = [];
  for (const guest of ['dan', 'eve', 'fay']) {
    liveThrough(world, guest);
    rests.push(await maps.entries());
  }
  const [first, second, third] = rests as [Entries, Entries, Entries];
  expect(first.size).toBeGreaterThan(10);
  // A memory that moved to another file is to be named anew.
  expect(MEMORIES.filter((file) => ![...first.keys()].some((line) => line.startsWith(file)))).toEqual([]);
  // What is under way at a rest differs a little; what leaks grows each time.
  const growing = new Set(grown(first, second).map((line) => line.split(':')[0]));
  const leaks = grown(second, third).filter(
    (line) => growing.has(line.split(':')[0]) && !MEMORIES.some((file) => line.startsWith(file)),
  );
  expect(leaks).toEqual([]);
});
