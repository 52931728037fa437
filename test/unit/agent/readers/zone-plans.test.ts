/** When plans are made, and whom their changes are told. */
import { expect, test } from 'vitest';
import type { MemberView, Topic } from '../../../../src/agent/contract/view.ts';
import { ZonePlans } from '../../../../src/agent/readers/zone-plans.ts';
import { NEVER } from '../../../../src/base/time.ts';
import type { Instance } from '../../../../src/catalog/types.ts';
import type { ZoneSettings } from '../../../../src/locality/zone-planner.ts';
import { instance, PlainCatalog, service } from '../../http/data.ts';
import { member } from '../../http/fixture.ts';

const SETTINGS: ZoneSettings = { spill: 0.5, hold: 30_000 };
const ZONES: Readonly<Record<string, string>> = { ann: 'a', ana: 'a', bob: 'b' };

class Agent {
  readonly catalog = new PlainCatalog();
  readonly zones = new Map(Object.entries(ZONES));
  readonly plans: ZonePlans;
  now = 0;

  constructor(settings = SETTINGS) {
    const { catalog } = this;
    this.plans = new ZonePlans(
      { node: 'ann', catalog, coordinate: () => undefined, member: (name) => this.#member(name) },
      settings,
    );
    this.register('ann', 'ana', 'bob');
    this.tell('node:ann', 'service:web');
  }

  register(...nodes: readonly string[]): void {
    this.catalog.held = nodes.map((node): Instance => instance(node, service('web', { id: node })));
  }

  /** At the end of an input that changed these topics; returns what readers are told besides. */
  tell(...topics: readonly Topic[]): string[] {
    const all = new Set<Topic>(topics);
    this.plans.advance(all, this.now);
    return [...all].filter((topic) => !topics.includes(topic));
  }

  get shares(): string {
    const { zones = [] } = this.plans.plan('web') ?? {};
    return zones.map(({ zone, share }) => `${zone}:${Math.round(share * 100)}`).join(' ');
  }

  #member(name: string): MemberView {
    const zone = this.zones.get(name);
    return member(name, zone === undefined ? {} : { tags: new Map([['zone', zone]]) });
  }
}

test('a plan is made when it is read, in any case of the name', () => {
  const agent = new Agent();
  expect(agent.shares).toBe('a:100 b:0');
  expect(agent.plans.plan('WEB')).toBe(agent.plans.plan('web'));
  expect(agent.plans.plan('none')).toBeUndefined();
  agent.register('bob');
  agent.tell('service:web');
  expect(agent.shares).toBe('a:0 b:100');
});

test('without a reader it is made within a second, so that what was usual is known', () => {
  const agent = new Agent();
  expect(agent.plans.deadline).toBe(1000);
  agent.now = 1000;
  agent.tell();
  expect(agent.plans.deadline).toBe(NEVER);
  agent.register('bob');
  agent.tell('service:web');
  expect(agent.shares).toBe('a:0 b:100');
});

test('what time changes is told, once', () => {
  const agent = new Agent();
  expect(agent.shares).toBe('a:100 b:0');
  agent.register('bob');
  agent.tell('service:web');
  expect(agent.shares).toBe('a:0 b:100');
  agent.register('ann', 'ana', 'bob');
  expect(agent.tell('service:web')).toEqual([]);
  expect(agent.shares).toBe('a:0 b:100');
  agent.now = 1000;
  expect(agent.tell()).toEqual([]);
  expect(agent.plans.deadline).toBe(30_000);
  agent.now = 29_999;
  expect(agent.tell()).toEqual([]);
  agent.now = 30_000;
  expect(agent.tell()).toEqual(['service:web']);
  expect(agent.shares).toBe('a:100 b:0');
  expect(agent.tell()).toEqual([]);
});

test('nothing is planned without a zone of its own, or where zones do not matter', () => {
  const agent = new Agent({ spill: null, hold: 0 });
  expect(agent.plans.plan('web')).toBeUndefined();
  expect(agent.plans.deadline).toBe(NEVER);
  const homeless = new Agent();
  homeless.zones.delete('ann');
  homeless.tell('node:ann');
  expect(homeless.plans.plan('web')).toBeUndefined();
  expect(homeless.plans.deadline).toBe(NEVER);
  homeless.zones.set('ann', 'b');
  homeless.tell('node:ann');
  expect(homeless.shares).toBe('b:100 a:0');
});

test('a node that moves takes its instances along', () => {
  const agent = new Agent();
  expect(agent.shares).toBe('a:100 b:0');
  for (const name of ['ann', 'ana', 'bob']) agent.zones.set(name, name === 'ann' ? 'a' : 'b');
  agent.tell('node:ana');
  expect(agent.plans.plan('web')?.zones.map(({ zone, usable }) => `${zone}${usable}`)).toEqual(['a1', 'b2']);
});

test('a service that is gone is forgotten when it is not missed any more', () => {
  const agent = new Agent();
  expect(agent.shares).toBe('a:100 b:0');
  agent.register();
  agent.tell('service:web');
  expect(agent.plans.plan('web')?.zones.map(({ usual }) => usual)).toEqual([2, 1]);
  agent.now = 600_000;
  expect(agent.tell()).toEqual(['service:web']);
  expect(agent.plans.plan('web')).toBeUndefined();
  expect(agent.plans.deadline).toBe(NEVER);
});
