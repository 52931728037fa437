/** What `hearsay top` shows of the agent's stream, and what keys do. */
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { onKey } from '../../../../src/cli/commands/top.ts';
import { type Choice, render } from '../../../../src/cli/top/render.ts';
import { jobLine, poolLine } from '../../../../src/cli/top/scheduling.ts';
import { Screen } from '../../../../src/cli/top/screen.ts';
import { type TopFigures, TopState } from '../../../../src/cli/top/state.ts';
import { hearsay } from '../helper.ts';

const plain = picocolors.createColors(false);
const NOW = 1_000_000;
const CHOICE: Choice = { pane: 'members', row: 0, filter: '', isTyping: false, why: undefined };
const member = (name: string, status = 'alive') => ({
  name,
  status,
  addr: '10.0.0.1',
  port: 7946,
  ageMs: 5000,
});
const service = (name: string, ...statuses: string[]) => ({
  service: name,
  instances: statuses.map((status, i) => ({ id: `${name}-${i}`, node: `n${i}`, status })),
});
const figures = (packetsIn: number, readAt: number): TopFigures => ({
  ...{ node: 'ann (dc1)', sentence: 'all 3 members are visible', isWhole: true, awareness: 0 },
  ...{ degraded: [], findings: [], queued: 0, scheduling: [] },
  traffic: { readAt, packetsIn, packetsOut: 0, bytesIn: 0, bytesOut: 0 },
});

function snapshot(): TopState {
  const state = new TopState();
  state.apply('resync', {}, NOW);
  for (const row of [member('ann'), member('bob'), member('cat')]) state.apply('member', row, NOW);
  for (const row of [service('web', 'passing', 'critical'), service('db', 'passing')])
    state.apply('service', row, NOW);
  state.apply('synced', {}, NOW);
  return state;
}
const draw = (state: TopState, choice: Partial<Choice> = {}, size = { columns: 80, rows: 24 }): string[] =>
  render({ state, choice: { ...CHOICE, ...choice }, size, colors: plain, now: NOW });
const firstColumn = (lines: readonly string[], heading: string): string => {
  const at = lines.findIndex((line) => line.startsWith(heading));
  return (lines[at + 1] ?? '').split(' ')[0] ?? '';
};

describe('the picture', () => {
  test.each([
    { columns: 80, rows: 24 },
    { columns: 160, rows: 50 },
  ])('has the size of the terminal: %j', (size) => {
    const state = snapshot();
    for (let i = 0; i < 500; i++) state.apply('member', member(`${'long'.repeat(30)}-${i}`), NOW);
    const lines = draw(state, {}, size);
    expect(lines).toHaveLength(size.rows);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(size.columns);
  });

  test('trouble comes first, in both tables', () => {
    const state = snapshot();
    expect(firstColumn(draw(state), 'MEMBER')).toBe('ann');
    expect(firstColumn(draw(state), 'SERVICE')).toBe('web');
    state.apply('member', member('cat', 'failed'), NOW);
    expect(firstColumn(draw(state), 'MEMBER')).toBe('cat');
  });

  test('what the agent finds stands above the tables, the worst first, as far as there is room', () => {
    const state = snapshot();
    const finding = (severity: string, sentence: string) => ({ severity, sentence });
    const findings = [
      finding('error', 'bob hangs'),
      ...['one', 'two', 'three'].map((name) => finding('warning', `the clock of ${name} is 1 h ahead`)),
    ];
    state.setFigures({ ...figures(0, NOW), findings });
    const lines = draw(state);
    expect(lines).toHaveLength(24);
    expect(lines.slice(3, 6)).toEqual([
      'error: bob hangs',
      'warning: the clock of one is 1 h ahead',
      'warning: the clock of two is 1 h ahead   (1 more: hearsay doctor)',
    ]);
    expect(draw(state, {}, { columns: 160, rows: 50 })).toContain('warning: the clock of three is 1 h ahead');
  });

  test('jobs and worker pools have a line each, trouble first', () => {
    const job = { definition: {}, owners: [], nextOwner: null, output: '', summary: '', paused: false };
    const run = { tick: new Date(NOW - 60_000).toISOString(), node: 'bob', attempt: 1, started: null };
    const nextTick = new Date(NOW + 120_000).toISOString();
    const lineOf = (changes: object) =>
      jobLine({ name: 'sweep', nextTick, runs: [], ...job, ...changes }, NOW).text;
    const ended = (state: string, exit: number) => ({ runs: [{ ...run, durationMs: 1, state, exit }] });
    expect(lineOf({})).toBe('job sweep: next in 2m, not run yet');
    expect(lineOf({ paused: true })).toBe('job sweep: paused, not run yet');
    expect(lineOf(ended('succeeded', 200))).toBe('job sweep: next in 2m, last 1m ago on bob: succeeded');
    expect(lineOf(ended('failed', 3))).toBe('job sweep: next in 2m, last 1m ago on bob: failed, exit 3');
    const held = (id: string) => ({ holder: { id, node: 'ann' } });
    const partitions = [held('w1'), held('w2'), held('w2'), { holder: null }];
    const pool = poolLine({ service: 'worker', count: 4, partitions });
    expect(pool.text).toBe('4 partitions of worker: 2 on w2, 1 on w1, 1 held by nobody');
    expect(poolLine({ service: 'worker', count: 1, partitions: [held('w1')] }).status).toBe('passing');

    const state = snapshot();
    const lines = [1, 2, 3, 4].map((i) => ({ text: `job ${i}`, status: 'passing' as const }));
    state.setFigures({ ...figures(0, 0), scheduling: [pool, ...lines] });
    expect(draw(state)).toHaveLength(24);
    expect(draw(state).slice(3, 6)).toEqual([pool.text, 'job 1', 'job 2   (2 more: hearsay jobs)']);
  });

  test('changes are told, and the first snapshot is none', () => {
    const state = snapshot();
    expect(state.news).toEqual([]);
    state.apply('member', member('cat', 'failed'), NOW);
    state.apply('service', service('web', 'passing', 'passing'), NOW);
    state.apply('service', service('db'), NOW);
    expect(state.news.map(({ text }) => text)).toEqual(['cat is failed', 'web: 2 passing', 'db: gone']);
    expect(draw(state).join('\n')).toContain('cat is failed');
  });

  test('what a later snapshot does not have is gone', () => {
    const state = snapshot();
    state.apply('resync', {}, NOW);
    state.apply('member', member('ann'), NOW);
    state.apply('synced', {}, NOW);
    expect([[...state.members.keys()], [...state.services.keys()]]).toEqual([['ann'], []]);
  });

  test('a service that is gone does not stay because a member has its name, nor the other way around', () => {
    const state = snapshot();
    state.apply('member', member('web'), NOW);
    state.apply('service', service('bob', 'passing'), NOW);
    state.apply('resync', {}, NOW);
    state.apply('member', member('web'), NOW);
    state.apply('service', service('bob', 'passing'), NOW);
    state.apply('synced', {}, NOW);
    expect([[...state.members.keys()], [...state.services.keys()]]).toEqual([['web'], ['bob']]);
  });

  test('a filter keeps rows of this name or status', () => {
    expect(draw(snapshot(), { filter: 'bo' }).join('\n')).not.toContain('cat');
    expect(firstColumn(draw(snapshot(), { filter: 'critical' }), 'SERVICE')).toBe('web');
  });

  test('rates are those between two readings', () => {
    const state = snapshot();
    state.setFigures(figures(100, NOW));
    state.setFigures(figures(300, NOW + 2000));
    expect(draw(state).join('\n')).toContain('packets 100/s in');
  });

  test('an agent that is away leaves the picture, with its age and the reason', () => {
    const state = snapshot();
    state.setFigures(figures(1, NOW));
    state.setSilent('figures', 'connection refused', NOW - 7000);
    const lines = draw(state);
    expect(lines[1]).toBe('this picture is 7s old: connection refused');
    expect(firstColumn(lines, 'MEMBER')).toBe('ann');
    state.setFigures(figures(2, NOW));
    expect(draw(state)[1]).toBe('all 3 members are visible');
  });

  test('nothing that others write moves the cursor', () => {
    const state = snapshot();
    state.apply('member', { ...member('\u001b[2Jeve\u202e'), tags: { a: '\u0007\u001b]0;x\u0007' } }, NOW);
    expect(draw(state).join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('why takes the place of the tables', () => {
    const lines = draw(snapshot(), { why: ['web: 1 of 2 in results'] });
    expect(lines[4]).toBe('web: 1 of 2 in results');
    expect(lines.at(-1)).toContain('any key');
  });
});

describe('keys', () => {
  const press = (keys: readonly string[], count = 3): Choice =>
    keys.reduce((choice, key) => onKey(choice, key, count), CHOICE);

  test('arrows select within the rows, Tab changes the table', () => {
    expect(press(['\u001b[B', '\u001b[B', '\u001b[B', '\u001b[B']).row).toBe(2);
    expect(press(['\u001b[B', '\u001b[A', '\u001b[A']).row).toBe(0);
    expect(press(['j', '\t'])).toMatchObject({ pane: 'services', row: 0 });
  });

  test('a filter is typed, kept by Enter and cleared by Escape', () => {
    expect(press(['/', 'w', 'q', '\u007f', 'e', '\r'])).toMatchObject({ filter: 'we', isTyping: false });
    expect(press(['/', 'w', '\u001b'])).toMatchObject({ filter: '', isTyping: false });
    expect(press(['/', 'w', '\r', '\u001b'])).toMatchObject({ filter: '', isTyping: false, row: 0 });
  });
});

test('the screen draws only lines that changed, and leaves the terminal as it was', () => {
  const written: string[] = [];
  const screen = new Screen({ write: (text) => void written.push(text), isTerminal: true });
  screen.draw(['a', 'b']);
  screen.draw(['a', 'c']);
  screen.draw(['a', 'c']);
  screen.close();
  screen.draw(['late']);
  expect(written.slice(1)).toEqual([
    '\u001b[1;1Ha\u001b[K\u001b[2;1Hb\u001b[K',
    '\u001b[2;1Hc\u001b[K',
    '\u001b[?25h\u001b[?1049l',
  ]);
});

test('the help offers no JSON, which there is none of', async () => {
  const { code, out } = await hearsay(['top', '--help']);
  expect(code).toBe(0);
  expect(out).toContain('--http-addr');
  expect(out).not.toContain('--json');
});
