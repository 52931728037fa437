import { describe, expect, test } from 'vitest';
import type { Seed } from '../../../src/agent/contract/commands.ts';
import type { Input } from '../../../src/agent/contract/machine.ts';
import type { View } from '../../../src/agent/contract/view.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { type AgentHandleController, createAgentHandle } from '../../../src/shell/door.ts';
import { LOCAL, turn } from './support.ts';

type Asked = Extract<Input, { kind: 'command' }>;

function frame(
  resolve: (seeds: readonly string[]) => Promise<readonly Seed[]> = async () => [],
): AgentHandleController & {
  asked: Asked[];
} {
  const asked: Asked[] = [];
  const made = createAgentHandle({
    view: { node: 'ann' } as View,
    feed: (input) => {
      if (input.kind === 'command') asked.push(input);
    },
    resolve,
  });
  return { ...made, asked };
}

const never = new AbortController().signal;

describe('asking', () => {
  test('each question gets its own answer, in whatever order they come', async () => {
    const { handle: door, asked, reply: settle } = frame();
    const leave = door.execute({ kind: 'leave' });
    const forget = door.execute({ kind: 'forget', node: 'bob', prune: false, refuseLive: true });
    await turn();
    const [first, second] = asked;
    settle(second?.request ?? -1, { ok: false, error: new AgentError('conflict', 'bob is alive') });
    settle(first?.request ?? -1, { ok: true });

    await expect(forget).rejects.toMatchObject({ code: 'conflict', message: 'bob is alive' });
    await expect(leave).resolves.toBeUndefined();
  });

  test('seeds of a join are resolved before the agent hears of them', async () => {
    const seeds: Seed[] = [
      { text: 'ann', addresses: [LOCAL] },
      { text: 'nobody', addresses: [], error: 'no such name' },
    ];
    const {
      handle: door,
      asked,
      reply: settle,
    } = frame(async (texts) => seeds.filter(({ text }) => texts.includes(text)));
    const join = door.execute({ kind: 'join', seeds: ['ann', 'nobody'] });
    await turn();
    expect(asked[0]?.command).toEqual({ kind: 'join', seeds });

    const report = { joined: 1, failed: [{ addr: 'nobody', error: 'no such name' }] };
    settle(asked[0]?.request ?? -1, { ok: true, value: report });
    await expect(join).resolves.toEqual(report);
  });

  test('an answer to a question nobody asked is ignored', () => {
    expect(() => frame().reply(99, { ok: true })).not.toThrow();
  });

  test('who waits when the agent stops is told so, and so is who comes later', async () => {
    const { handle: door, close } = frame();
    const pending = door.execute({ kind: 'leave' });
    await turn();
    close();
    await expect(pending).rejects.toThrow('the agent is stopping');
    await expect(door.execute({ kind: 'leave' })).rejects.toThrow('the agent is stopping');
  });
});

describe('waiting', () => {
  test('a change wakes those who wait for it, each once, and nobody else', async () => {
    const { handle: door, notify: wake } = frame();
    const woken: string[] = [];
    const wait = (who: string, topics: Parameters<typeof door.waitForChange>[0]): void =>
      void door.waitForChange(topics, never).then(() => woken.push(who));
    wait('both', ['nodes', 'node:bob']);
    wait('bob', ['node:bob']);
    wait('cat', ['node:cat']);

    wake(['nodes', 'node:bob']);
    await turn();
    expect(woken.sort()).toEqual(['bob', 'both']);
    wake(['nodes', 'node:bob']);
    await turn();
    expect(woken).toHaveLength(2);
    wake(['node:cat']);
    await turn();
    expect(woken).toContain('cat');
  });

  test('ten thousand wait, one topic changes: they wake, and none is left behind', async () => {
    const { handle: door, notify: wake } = frame();
    let woken = 0;
    const all = Array.from({ length: 10_000 }, (_, i) =>
      door.waitForChange(['nodes', `node:${i}`], new AbortController().signal).then(() => {
        woken += 1;
      }),
    );
    wake(['node:5', 'nodes']);
    await Promise.all(all);
    expect(woken).toBe(10_000);
  });

  test('who gives up stops waiting, before or after', async () => {
    const { handle: door, notify: wake } = frame();
    const patience = new AbortController();
    const waiting = door.waitForChange(['nodes'], patience.signal);
    patience.abort();
    await waiting;
    await door.waitForChange(['nodes'], patience.signal);
    expect(() => wake(['nodes'])).not.toThrow();
  });

  test('nobody is left waiting when the agent stops', async () => {
    const { handle: door, close } = frame();
    const waiting = [door.waitForChange(['nodes'], never), door.waitForChange(['node:bob', 'nodes'], never)];
    close();
    await Promise.all([...waiting, door.waitForChange(['nodes'], never)]);
  });

  test('a waiter who is woken takes its listener off the signal', async () => {
    const { handle: door, notify: wake } = frame();
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const waiting = door.waitForChange(['nodes'], signal);
    expect(listeners).toBe(1);
    wake(['nodes']);
    await waiting;
    expect(listeners).toBe(0);
  });
});
