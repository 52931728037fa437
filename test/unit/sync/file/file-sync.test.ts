import { expect, test } from 'vitest';
import type { SyncRow } from '../../../../src/sync/desired.ts';
import { FileSync } from '../../../../src/sync/file/file-sync.ts';
import { readTemplate } from '../../../../src/sync/template/template.ts';
import { server } from '../template/server.ts';

const ONE = '{{#service web}}{{endpoint}} {{weight}}\n{{/service web}}';
const row = (number: number, more: Partial<SyncRow> = {}): SyncRow => server(number, more).row;

function start(text = ONE, first?: string) {
  const state = { content: first, problem: '', swaps: 0, doubt: '' };
  const events: string[] = [];
  const problems: string[] = [];
  const template = readTemplate(text, 'word');
  let afterRender = (): void => undefined;
  const sync = new FileSync({
    template: {
      services: template.services,
      render: (lists) => {
        const written = template.render(lists);
        afterRender();
        return written;
      },
    },
    every: 0,
    file: {
      path: '/web.conf',
      read: async () => state.content,
      swap: async (next) => {
        state.swaps += 1;
        if (state.problem === '') state.content = next;
        return state.problem;
      },
    },
    doubt: async () => state.doubt,
    onChange: ({ event, id, weight }) => events.push(`${event} ${id} ${weight}`.replace(/ {2}0$/, '')),
    onProblem: (message) => problems.push(message),
  });
  /** Calls `then` once, after the next time that the template is written. */
  const onRender = (then: () => void): void => {
    afterRender = () => {
      afterRender = () => undefined;
      then();
    };
  };
  return { sync, state, events, problems, onRender };
}

test('who gets requests is in the file, in order; each change is told once', async () => {
  const { sync, state, events } = start();
  sync.update('web', [
    row(2, { status: 'warning' }),
    row(1),
    row(3, { status: 'critical' }),
    row(4, { status: 'draining', draining: true }),
    row(5, { weights: { passing: 0, warning: 0 } }),
  ]);
  expect(await sync.apply()).toBe(true);
  expect(state.content).toBe('10.0.0.1:80 10\n10.0.0.2:80 1\n');
  sync.update('web', [row(2), row(3)]);
  expect(await sync.apply()).toBe(true);
  expect(await sync.apply()).toBe(true);
  expect(state.swaps).toBe(2);
  expect(events).toEqual([
    ...['added web-1 10', 'added web-2 1', 'written'],
    ...['changed web-2 10', 'added web-3 10', 'removed web-1 10', 'written'],
  ]);
});

test('a file that is as it should be is left alone, and one that was changed by hand is written again', async () => {
  const { sync, state, events } = start(ONE, '10.0.0.1:80 10\n');
  sync.update('web', [row(1)]);
  expect(await sync.apply()).toBe(true);
  expect([state.swaps, events]).toEqual([0, []]);
  state.content = 'edited';
  expect(await sync.apply()).toBe(true);
  expect([state.content, events]).toEqual(['10.0.0.1:80 10\n', ['written']]);
});

test('changes while it waits for the end of a burst are one swap', async () => {
  const { sync, state, onRender } = start();
  sync.update('web', [row(1)]);
  onRender(() => void setTimeout(() => sync.update('web', [row(1), row(2)]), 5));
  await sync.apply();
  expect([state.swaps, state.content]).toEqual([1, '10.0.0.1:80 10\n10.0.0.2:80 10\n']);
});

test('a text that was refused is not tried at each pass, and the next one is', async () => {
  const { sync, state, problems } = start(ONE, 'good');
  state.problem = '"nginx -t" ended with 1: no';
  sync.update('web', [row(1)]);
  expect(await sync.apply()).toBe(false);
  expect(await sync.apply()).toBe(false);
  expect([state.swaps, state.content]).toEqual([1, 'good']);
  expect(problems).toEqual(['/web.conf stays as it was: "nginx -t" ended with 1: no']);
  state.problem = '';
  sync.update('web', [row(2)]);
  expect(await sync.apply()).toBe(true);
  expect([state.swaps, state.content]).toEqual([2, '10.0.0.2:80 10\n']);
});

test('a partition empties no file, and what was deregistered goes', async () => {
  const { sync, state, events } = start();
  sync.update('web', [row(1), row(2)]);
  await sync.apply();
  state.doubt = '2 of 4 members are missing';
  sync.update('web', [row(1, { status: 'critical' }), row(2, { status: 'critical' })]);
  expect(await sync.apply()).toBe(true);
  expect(state.content).toBe('10.0.0.1:80 10\n10.0.0.2:80 10\n');
  expect(events.at(-1)).toBe('kept');
  sync.update('web', [row(1, { status: 'critical' })]);
  await sync.apply();
  expect(state.content).toBe('10.0.0.1:80 10\n');
  state.doubt = '';
  await sync.apply();
  expect(state.content).toBe('');
});

test('started in a partition, it leaves the file as it is, and writes one if there is none', async () => {
  const { sync, state } = start(ONE, 'from before');
  state.doubt = 'others are missing';
  sync.update('web', [row(1, { status: 'critical' })]);
  expect(await sync.apply()).toBe(true);
  expect([state.swaps, state.content]).toEqual([0, 'from before']);
  const none = start();
  none.state.doubt = 'others are missing';
  none.sync.update('web', [row(1, { status: 'critical' })]);
  expect(await none.sync.apply()).toBe(true);
  expect(none.state.content).toBe('');
});

test('who cannot be dialed is left out, and said once', async () => {
  const { sync, state, problems } = start();
  sync.update('web', [row(1), row(2, { address: 'db.example' })]);
  expect(await sync.apply()).toBe(false);
  expect(await sync.apply()).toBe(false);
  expect(state.content).toBe('10.0.0.1:80 10\n');
  expect(problems).toEqual([
    'web: web-2 on n1 is left out: it needs an IP address and a port, and it has "db.example" and 80; register it with both',
  ]);
});

test('of all services, those without instances are none', async () => {
  const { sync, state } = start('{{#services}}{{name}} {{/services}}');
  sync.update('web', [row(1)]);
  sync.update('api', [row(2)]);
  await sync.apply();
  expect(state.content).toBe('api web ');
  sync.update('api', []);
  await sync.apply();
  expect(state.content).toBe('web ');
});
