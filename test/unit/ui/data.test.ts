/** What the dashboard makes of paths, of the event stream and of lines of the log. */
import { fc, test as propertyTest } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { type Held, Intake } from '../../../src/ui/data/intake.ts';
import { parseLine } from '../../../src/ui/data/log-line.ts';
import { EventParser } from '../../../src/ui/data/sse.ts';
import type { LiveMember, LiveService } from '../../../src/ui/data/types.ts';
import { formatBytes, formatMillis, toAge } from '../../../src/ui/parts/text.ts';
import { nodePath, pathOf, servicePath, toPlace } from '../../../src/ui/place.ts';

describe('paths', () => {
  test.each([
    ['/ui/', { tab: 'overview' }],
    ['/ui', { tab: 'overview' }],
    ['/ui/map', { tab: 'map' }],
    ['/ui/nodes/db-3', { tab: 'nodes', name: 'db-3' }],
    ['/ui/nodes/services', { tab: 'nodes', name: 'services' }],
    ['/ui/dc1/services', { tab: 'services' }],
    ['/ui/dc1/services/web', { tab: 'services', name: 'web' }],
    ['/ui/dc1/services/web/instances', { tab: 'services', name: 'web' }],
    ['/ui/nodes/nodes/n1/health-checks', { tab: 'nodes', name: 'n1' }],
    ['/ui/elsewhere', { tab: 'overview' }],
    ['/ui/nodes/%zz', { tab: 'nodes', name: '%zz' }],
  ])('%s', (path, place) => {
    expect(toPlace(path)).toEqual(place);
  });

  propertyTest.prop([fc.string({ minLength: 1 })])('of any name lead back to it', (name) => {
    expect(toPlace(nodePath(name))).toEqual({ tab: 'nodes', name });
    expect(toPlace(servicePath(name))).toEqual({ tab: 'services', name });
    expect(toPlace(pathOf({ tab: 'events' }))).toEqual({ tab: 'events' });
  });
});

const STREAM =
  'retry: 1000\n\nevent: resync\ndata: {"index":1}\n\nevent: member\ndata: {"name":"a"}\n\n: nothing new\n\nevent: synced\nid: 7\ndata: {"index":7}\n\n';

propertyTest.prop([fc.array(fc.nat({ max: STREAM.length }), { maxLength: 8 })])(
  'events are the same however the bytes arrive',
  (cuts) => {
    const parser = new EventParser();
    const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
    const events = at.slice(1).flatMap((end, i) => parser.push(STREAM.slice(at[i], end)));
    expect(events).toEqual([
      { event: 'resync', data: '{"index":1}', id: undefined },
      { event: 'member', data: '{"name":"a"}', id: undefined },
      { event: 'synced', data: '{"index":7}', id: '7' },
    ]);
  },
);

describe('the cluster', () => {
  const row = (name: string, status = 'alive') => ({
    event: 'member',
    data: JSON.stringify({ name, status, ageMs: 5000, tags: {} }),
    id: undefined,
  });
  const sent = (event: string, data: unknown = {}) => ({ event, data: JSON.stringify(data), id: undefined });

  class Picture implements Held {
    members: ReadonlyMap<string, LiveMember> = new Map();
    services: ReadonlyMap<string, LiveService> = new Map();
    seen: string[] = [];
    replace(members: ReadonlyMap<string, LiveMember>, services: ReadonlyMap<string, LiveService>): void {
      Object.assign(this, { members, services });
      this.seen.push([...members.keys()].join());
    }
  }

  test('is shown whole, and keeps what it was while everything is sent again', () => {
    const picture = new Picture();
    const intake = new Intake(picture);
    for (const one of [sent('resync'), row('a'), row('b'), sent('synced')]) intake.take(one);
    for (const one of [sent('resync'), row('a'), sent('synced')]) intake.take(one);
    expect(picture.seen).toEqual(['a,b', 'a']);
  });

  test('changes row by row; what is gone goes', () => {
    const picture = new Picture();
    const intake = new Intake(picture);
    const instances = [{ node: 'a', id: 'web-1' }];
    for (const one of [row('a'), row('b'), sent('service', { service: 'web', instances })]) intake.take(one);
    expect(picture.services.get('web')?.instances).toEqual(instances);
    expect(Date.now() - (picture.members.get('a')?.since ?? 0)).toBeGreaterThanOrEqual(5000);
    for (const one of [row('b', 'gone'), sent('service', { service: 'web', instances: [] })])
      intake.take(one);
    expect([[...picture.members.keys()], picture.services.size]).toEqual([['a'], 0]);
  });
});

describe('lines of the log', () => {
  const tone = (line: object): string | undefined => parseLine(JSON.stringify(line), 1)?.tone;
  test('say how bad they are', () => {
    expect(tone({ level: 'warn', msg: 'member failed' })).toBe('bad');
    expect(tone({ level: 'info', msg: 'check changed', to: 'critical' })).toBe('bad');
    expect(tone({ level: 'info', msg: 'member suspected' })).toBe('odd');
    expect(tone({ level: 'info', msg: 'check changed', to: 'passing' })).toBe('good');
    expect(tone({ level: 'info', msg: 'service registered' })).toBe('quiet');
  });

  test('that are none are left out, and fields of any type are text', () => {
    expect(parseLine('no JSON', 1)).toBeUndefined();
    expect(parseLine('7', 1)).toBeUndefined();
    const line = parseLine('{"time":"2026-01-02T03:04:05Z","msg":"x","node":"a","n":{"__proto__":1}}', 1);
    expect([...(line?.fields ?? [])]).toEqual([
      ['node', 'a'],
      ['n', '{"__proto__":1}'],
    ]);
  });
});

test('figures are short', () => {
  expect([0, 61_000, 7_200_000, 400_000_000].map(toAge)).toEqual(['0 s', '1 min', '2 h', '4 d']);
  expect([12, 1200, 45_600, 7.1e7].map(formatBytes)).toEqual(['12 B', '1.2 kB', '46 kB', '71 MB']);
  expect([0.423, 12.34, 240.4].map(formatMillis)).toEqual(['0.42 ms', '12.3 ms', '240 ms']);
});
