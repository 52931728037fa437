import { expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { encodeUtf8, NO_BYTES } from '../../../../src/base/bytes.ts';
import type { QueryDefinition, QueryReport } from '../../../../src/serf/types.ts';
import type { LawContext } from '../../../../src/sim/laws/law.ts';
import { QueryLaw } from '../../../../src/sim/laws/messages/answers.ts';
import { EventLaw } from '../../../../src/sim/laws/messages/events.ts';
import { KeyringLaw } from '../../../../src/sim/laws/messages/keyrings.ts';
import type { SimHostOptions } from '../../../../src/sim/world/host.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { nowhere } from '../echo.ts';
import { Liar } from '../liar.ts';

const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const heard = (name: string, ltime: number): Effect => ({
  kind: 'fact',
  fact: { kind: 'userEventReceived', name, ltime, bytes: 0 },
});
const joined: Effect = {
  kind: 'fact',
  fact: { kind: 'pushPullFinished', peer: 'x', join: true, nodes: 2 },
};

/** Three liars, and the laws of a mixed world on them. `broken` gives the ids of what was broken so far. */
function trio(options: SimHostOptions = {}, lossless = true) {
  const world = new World({ seed: 1, makeAgent: (born) => new Liar(born) });
  const lines: string[] = [];
  const ground: LawContext = { world, reportViolation: (what) => lines.push(what), isForged: () => false };
  const well = new Set(['ann', 'bob', 'cat']);
  const wellness = ({ label, running }: { label: string; running: boolean }) =>
    running && well.has(label) ? 0 : undefined;
  const events = new EventLaw(ground);
  const answers = new QueryLaw(ground, lossless, wellness);
  const keyrings = new KeyringLaw(ground, wellness, true);
  world.subscribe({
    onStart: (host) => {
      events.onStart(host);
      keyrings.onStart(host);
    },
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
  const liar = (label: string): Liar => world.host(label).runningAgent as Liar;
  const tells = (label: string, ...effects: Effect[]): void => {
    liar(label).will(...effects);
    world.injectDatagram(label, nowhere, new Uint8Array(1));
  };
  const sweep = (): void => {
    for (const host of world.hosts) keyrings.checkPeriodically(host);
  };
  const broken = (): string[] => [...new Set(lines.map((line) => line.split(' ')[0] as string))];
  return { world, events, answers, keyrings, liar, tells, sweep, broken, well };
}

test('E1: an event that a reader hears twice; again in a new life is no repetition', () => {
  const { tells, broken, world } = trio();
  tells('ann', heard('deploy', 7));
  tells('bob', heard('deploy', 7));
  world.stop('bob');
  world.start('bob');
  tells('bob', heard('deploy', 7));
  expect(broken()).toEqual([]);
  tells('bob', heard('deploy', 7));
  expect(broken()).toEqual(['E1']);
});

test('E1: an event of another time than it was fired at', () => {
  const { tells, broken } = trio();
  tells('ann', heard('deploy', 7));
  tells('bob', heard('deploy', 8));
  expect(broken()).toEqual(['E1']);
});

test('E2: who lived all the while and has not heard it, and nobody else', () => {
  const { tells, events, world } = trio();
  const owed = (share?: number): string[] =>
    events.missingDeliveries(share).map(({ host, name }) => `${host.label} ${name}`);
  tells('ann', heard('deploy', 7));
  expect(owed()).toEqual(['bob deploy', 'cat deploy']);
  expect(owed(0.5)).toEqual([]);
  tells('bob', heard('deploy', 7));
  expect(owed(0.5)).toEqual(['cat deploy']);
  world.stop('cat');
  world.start('cat');
  expect(owed()).toEqual([]);
});

test('E2: what is stamped before the cluster that a member joined is old to it: at each join of a Serf agent, at our first', () => {
  const join = (options: SimHostOptions) => {
    const { tells, events, liar } = trio(options);
    const owed = (): boolean => events.missingDeliveries().some(({ host }) => host.label === 'cat');
    tells('cat', joined);
    tells('ann', heard('deploy', 7));
    const before = owed();
    Object.assign(liar('cat').clocks, { event: 8 });
    tells('cat', joined);
    return [before, owed()];
  };
  expect(join({})).toEqual([true, true]);
  expect(join({ serfPeer: true })).toEqual([true, false]);
});

const question: QueryDefinition = {
  ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
};
const said = (from: string, answer: string) => ({ from, payload: encodeUtf8(answer) });

/** ann asks; bob and cat answer in time; then ann says what came of it. */
function asked(
  over: Partial<QueryReport>,
  how: { meant?: Partial<QueryDefinition>; lossless?: boolean } = {},
) {
  const { world, answers, liar, broken, well } = trio({}, how.lossless);
  const open: QueryReport = {
    ...{ id: 1, name: 'load', timeout: 3000, finished: false, expected: 3, acks: [], responses: [] },
  };
  answers.onQuery(world.host('ann'), { ...question, ...how.meant }, open);
  for (const label of ['bob', 'cat']) answers.onResponse(world.host(label), 'load', `${label} on load`);
  const all = {
    finished: true,
    acks: ['ann', 'bob', 'cat'],
    responses: [said('bob', 'bob on load'), said('cat', 'cat on load')],
  };
  liar('ann').questions.set(1, { ...open, ...all, ...over });
  const end = (): string[] => {
    world.run(4000);
    return broken();
  };
  return { end, well };
}

test('Q1: who is not meant, who counts twice, what nobody said, what does not end', () => {
  expect(asked({}).end()).toEqual([]);
  expect(asked({ acks: ['ann', 'bob', 'bob', 'cat'] }).end()).toEqual(['Q1']);
  expect(asked({ finished: false }).end()).toEqual(['Q1']);
  const wrong = { responses: [said('bob', 'nothing'), said('cat', 'cat on load')] };
  expect(asked(wrong).end()).toEqual(['Q1']);
  expect(asked({}, { meant: { nodes: ['ann', 'bob'] } }).end()).toEqual(['Q1']);
});

test('Q2: an answer that is lost where nothing is; where something is lost it may be', () => {
  const lost = { responses: [said('bob', 'bob on load')] };
  expect(asked(lost).end()).toEqual(['Q2']);
  expect(asked(lost, { lossless: false }).end()).toEqual([]);
  const ill = asked(lost);
  ill.well.delete('cat');
  expect(ill.end()).toEqual([]);
});

test('Q3: one who is well and does not say that it was reached', () => {
  expect(asked({ acks: ['ann', 'bob'] }).end()).toEqual(['Q3']);
});

test('K1: an empty ring', () => {
  const { world, sweep, broken } = trio({ keys: [key(1)] });
  sweep();
  expect(broken()).toEqual([]);
  world.host('ann').keys = [];
  sweep();
  expect(broken()).toContain('K1');
});

test('K2: one who was well before keys were changed does not understand another, or does not see it, for longer than a suspicion', () => {
  const change = (act: (world: World, cat: Liar) => void, span: number, began = true): string[] => {
    const { world, keyrings, sweep, broken, liar } = trio({ keys: [key(1)] });
    for (const label of ['ann', 'bob', 'cat'])
      for (const other of ['ann', 'bob', 'cat']) liar(label).show(other);
    if (began) keyrings.onRotationStart();
    act(world, liar('cat'));
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

test('K3: who has keys that nobody uses, and hears nothing of it; the one who does gets the others', () => {
  const back = (...effects: Effect[]) => {
    const { world, tells, broken } = trio({ keys: [key(1)] });
    for (const label of ['ann', 'bob']) world.host(label).keys = [key(2)];
    if (effects.length > 0) tells('cat', ...effects);
    world.run(100_000);
    return { broken: broken(), keys: world.host('cat').keys };
  };
  expect(back()).toEqual({ broken: ['K3'], keys: [key(2)] });
  const fact = { kind: 'packetRejected', from: 'x', code: 'undecryptable', detail: '' } as const;
  expect(back({ kind: 'fact', fact })).toEqual({ broken: [], keys: [key(2)] });
});
