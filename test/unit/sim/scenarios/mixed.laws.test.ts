import { expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { encodeUtf8, NO_BYTES } from '../../../../src/base/bytes.ts';
import type { QueryDefinition, QueryReport } from '../../../../src/serf/types.ts';
import type { LawContext } from '../../../../src/sim/laws/law.ts';
import { EventLaw } from '../../../../src/sim/laws/messages/events.ts';
import { KeyringLaw } from '../../../../src/sim/laws/messages/keyrings.ts';
import { QueryLaw } from '../../../../src/sim/laws/messages/queries.ts';
import type { SimHostOptions } from '../../../../src/sim/world/host.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { fingerprint } from '../../../../src/wire/crypt.ts';
import { nowhere } from '../echo-agent.ts';
import { ScriptedAgent } from '../scripted-agent.ts';

const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const received = (name: string, ltime: number): Effect => ({
  kind: 'fact',
  fact: { kind: 'userEventReceived', name, ltime, bytes: 0 },
});
const joined: Effect = {
  kind: 'fact',
  fact: { kind: 'pushPullFinished', peer: 'x', join: true, nodes: 2 },
};

/** Three scripted agents under the laws of a mixed cluster. `broken` returns the ids of the laws violated so far. */
function trio(options: SimHostOptions = {}, lossless = true) {
  const world = new World({ seed: 1, makeAgent: (options) => new ScriptedAgent(options) });
  const lines: string[] = [];
  const context: LawContext = {
    world,
    reportViolation: (what) => lines.push(what),
    judged: () => {},
    isForged: () => false,
  };
  const healthy = new Set(['ann', 'bob', 'cat']);
  const healthySince = ({ label, running }: { label: string; running: boolean }) =>
    running && healthy.has(label) ? 0 : undefined;
  const events = new EventLaw(context);
  const answers = new QueryLaw(context, lossless, healthySince);
  const keyrings = new KeyringLaw(context, healthySince, true);
  world.subscribe({
    onStart: (host) => {
      events.onStart(host);
      keyrings.onStart(host);
    },
    onCommand: (host, command) => keyrings.onCommand(host, command),
    onEffects: (host, facts) => {
      for (const fact of facts) {
        events.onFact(host, fact);
        keyrings.onFact(host, fact);
      }
    },
  });
  for (const label of ['ann', 'bob', 'cat']) {
    world.add(label, options);
    world.start(label);
  }
  world.run(10);
  const agentOf = (label: string): ScriptedAgent => world.host(label).runningAgent as ScriptedAgent;
  const emit = (label: string, ...effects: Effect[]): void => {
    agentOf(label).emitNext(...effects);
    world.injectDatagram(label, nowhere, new Uint8Array(1));
  };
  const sweep = (): void => {
    for (const host of world.hosts) keyrings.checkPeriodically(host);
  };
  const broken = (): string[] => [...new Set(lines.map((line) => line.split(' ')[0] as string))];
  return { world, events, answers, keyrings, agentOf, emit, sweep, broken, healthy };
}

test('E1: an event that a member receives twice; once in each boot is allowed', () => {
  const { emit, broken, world } = trio();
  emit('ann', received('deploy', 7));
  emit('bob', received('deploy', 7));
  world.stop('bob');
  world.start('bob');
  emit('bob', received('deploy', 7));
  expect(broken()).toEqual([]);
  emit('bob', received('deploy', 7));
  expect(broken()).toEqual(['E1']);
});

test('E1: an event with another Lamport time than it was fired with', () => {
  const { emit, broken } = trio();
  emit('ann', received('deploy', 7));
  emit('bob', received('deploy', 8));
  expect(broken()).toEqual(['E1']);
});

test('E2: members that ran all the while and have not received the event, and no others', () => {
  const { emit, events, world } = trio();
  const missing = (share?: number): string[] =>
    events.missingDeliveries(share).map(({ host, name }) => `${host.label} ${name}`);
  emit('ann', received('deploy', 7));
  expect(missing()).toEqual(['bob deploy', 'cat deploy']);
  expect(missing(0.5)).toEqual([]);
  emit('bob', received('deploy', 7));
  expect(missing(0.5)).toEqual(['cat deploy']);
  world.stop('cat');
  world.start('cat');
  expect(missing()).toEqual([]);
});

test('E2: a member that returns with its data has to receive what was fired while it was down', () => {
  const missing = (before: number, met: boolean): boolean => {
    const { emit, events, world, agentOf } = trio();
    const clocks = { member: 1, event: before, query: 1 };
    agentOf('cat').saveSnapshot({ clocks, peers: met ? [{ name: 'ann', addr: '10.0.0.1:1' }] : [] });
    emit('cat');
    world.run(100); // until it is on the disk
    world.stop('cat');
    emit('ann', received('deploy', 7));
    world.start('cat', { restore: true });
    emit('cat', joined);
    return events.missingDeliveries().some(({ host }) => host.label === 'cat');
  };
  expect([missing(7, true), missing(8, true), missing(7, false)]).toEqual([true, false, false]);
});

test('E2: events from before a join are old to the member: at each join of a Serf peer, at the first of an agent', () => {
  const join = (options: SimHostOptions) => {
    const { emit, events, agentOf } = trio(options);
    const missing = (): boolean => events.missingDeliveries().some(({ host }) => host.label === 'cat');
    emit('cat', joined);
    emit('ann', received('deploy', 7));
    const before = missing();
    Object.assign(agentOf('cat').clocks, { event: 8 });
    emit('cat', joined);
    return [before, missing()];
  };
  expect(join({})).toEqual([true, true]);
  expect(join({ serfPeer: true })).toEqual([true, false]);
});

const question: QueryDefinition = {
  ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
};
const response = (from: string, answer: string) => ({ from, payload: encodeUtf8(answer) });

/** ann sends a query, bob and cat respond in time, and then ann reports `over` of it. */
function runQuery(
  over: Partial<QueryReport>,
  how: { meant?: Partial<QueryDefinition>; lossless?: boolean } = {},
) {
  const { world, answers, agentOf, broken, healthy } = trio({}, how.lossless);
  const open: QueryReport = {
    ...{ id: 1, name: 'load', timeout: 3000, finished: false, expected: 3, acks: [], responses: [] },
  };
  answers.onQuery(world.host('ann'), { ...question, ...how.meant }, open);
  for (const label of ['bob', 'cat']) answers.onResponse(world.host(label), 'load', `${label} on load`);
  const all = {
    finished: true,
    acks: ['ann', 'bob', 'cat'],
    responses: [response('bob', 'bob on load'), response('cat', 'cat on load')],
  };
  agentOf('ann').queryReports.set(1, { ...open, ...all, ...over });
  const end = (): string[] => {
    world.run(4000);
    return broken();
  };
  return { end, healthy };
}

test('Q1: an excluded responder, a member counted twice, a response that was not sent, a query that does not end', () => {
  expect(runQuery({}).end()).toEqual([]);
  expect(runQuery({ acks: ['ann', 'bob', 'bob', 'cat'] }).end()).toEqual(['Q1']);
  expect(runQuery({ finished: false }).end()).toEqual(['Q1']);
  const wrong = { responses: [response('bob', 'nothing'), response('cat', 'cat on load')] };
  expect(runQuery(wrong).end()).toEqual(['Q1']);
  expect(runQuery({}, { meant: { nodes: ['ann', 'bob'] } }).end()).toEqual(['Q1']);
});

test('Q2: a response that is lost without loss; with loss it may be', () => {
  const lost = { responses: [response('bob', 'bob on load')] };
  expect(runQuery(lost).end()).toEqual(['Q2']);
  expect(runQuery(lost, { lossless: false }).end()).toEqual([]);
  const unhealthy = runQuery(lost);
  unhealthy.healthy.delete('cat');
  expect(unhealthy.end()).toEqual([]);
});

test('Q3: a healthy member that sends no ack', () => {
  expect(runQuery({ acks: ['ann', 'bob'] }).end()).toEqual(['Q3']);
});

test('K1: an empty keyring', () => {
  const { world, sweep, broken } = trio({ keys: [key(1)] });
  sweep();
  expect(broken()).toEqual([]);
  world.host('ann').keys = [];
  sweep();
  expect(broken()).toContain('K1');
});

test('K2: a member that was healthy before a rotation lacks the key of another, or does not see it, for longer than a suspicion', () => {
  const change = (act: (world: World, cat: ScriptedAgent) => void, span: number, began = true): string[] => {
    const { world, keyrings, sweep, broken, agentOf } = trio({ keys: [key(1)] });
    for (const label of ['ann', 'bob', 'cat'])
      for (const other of ['ann', 'bob', 'cat']) agentOf(label).show(other);
    if (began) keyrings.onRotationStart();
    act(world, agentOf('cat'));
    for (let at = 0; at <= span; at += 1000) {
      sweep();
      world.run(1000);
    }
    return broken();
  };
  const cut = (world: World): void => {
    world.host('ann').keys = [key(2)];
  };
  expect(change(cut, 20_000)).toEqual([]);
  expect(change(cut, 30_000)).toEqual(['K2']);
  expect(change(cut, 30_000, false)).toEqual([]);
  expect(change((_, cat) => cat.show('bob', { state: 'dead' }), 30_000)).toEqual(['K2']);
});

test('K3: a host with keys that nobody uses that is not notified; one that is gets the others', () => {
  const back = (...effects: Effect[]) => {
    const { world, emit, broken } = trio({ keys: [key(1)] });
    for (const label of ['ann', 'bob']) world.host(label).keys = [key(2)];
    if (effects.length > 0) emit('cat', ...effects);
    world.run(100_000);
    return { broken: broken(), keys: world.host('cat').keys };
  };
  expect(back()).toEqual({ broken: ['K3'], keys: [key(2)] });
  const fact = { kind: 'packetRejected', from: 'x', code: 'undecryptable', detail: '' } as const;
  expect(back({ kind: 'fact', fact })).toEqual({ broken: [], keys: [key(2)] });
});

test('K4: a key that a failed member lacks is made primary, and not by force', () => {
  const use = (force: boolean, ...keysOfCat: Uint8Array[]) => {
    const { world, emit, agentOf, broken } = trio({ keys: [key(1), key(2)] });
    world.host('cat').keys = keysOfCat;
    agentOf('ann').show('cat', { status: 'failed' });
    world.command('ann', { kind: 'keys', operation: 'use', key: key(2), force, timeout: undefined });
    const change = { kind: 'keysChanged', change: 'use', key: fingerprint(key(2)), by: 'ann' } as const;
    emit('ann', { kind: 'fact', fact: change });
    world.run(100);
    return broken();
  };
  expect(use(false, key(1))).toEqual(['K4']);
  expect(use(true, key(1))).toEqual([]);
  expect(use(false, key(1), key(2))).toEqual([]);
});
