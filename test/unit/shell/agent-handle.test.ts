import { describe, expect, test } from 'vitest';
import type { Seed } from '../../../src/agent/contract/commands.ts';
import type { Input } from '../../../src/agent/contract/machine.ts';
import type { View } from '../../../src/agent/contract/view.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { type AgentHandleController, createAgentHandle } from '../../../src/shell/agent-handle.ts';
import { grown, trackMaps } from '../../support/tracked-maps.ts';
import { LOCAL, turn } from './support.ts';

type CommandInput = Extract<Input, { kind: 'command' }>;

function controller(
  resolve: (seeds: readonly string[]) => Promise<readonly Seed[]> = async () => [],
): AgentHandleController & { commands: CommandInput[] } {
  const commands: CommandInput[] = [];
  const created = createAgentHandle({
    view: { node: 'ann' } as View,
    dispatch: (input) => {
      if (input.kind === 'command') commands.push(input);
    },
    resolve,
  });
  return { ...created, commands };
}

describe('commands', () => {
  test('each command gets its own reply, in whatever order they come', async () => {
    const { handle, commands, reply } = controller();
    const leave = handle.execute({ kind: 'leave' });
    const forget = handle.execute({ kind: 'forget', node: 'bob', prune: false, refuseLive: true });
    await turn();
    const [first, second] = commands;
    reply(second?.request ?? -1, { ok: false, error: new AgentError('conflict', 'bob is alive') });
    reply(first?.request ?? -1, { ok: true });

    await expect(forget).rejects.toMatchObject({ code: 'conflict', message: 'bob is alive' });
    await expect(leave).resolves.toBeUndefined();
  });

  test('seeds of a join are resolved before the agent gets them', async () => {
    const seeds: Seed[] = [
      { text: 'ann', addresses: [LOCAL] },
      { text: 'nobody', addresses: [], error: 'no such name' },
    ];
    const { handle, commands, reply } = controller(async (texts) =>
      seeds.filter(({ text }) => texts.includes(text)),
    );
    const join = handle.execute({ kind: 'join', seeds: ['ann', 'nobody'] });
    await turn();
    expect(commands[0]?.command).toEqual({ kind: 'join', seeds });

    const report = { joined: 1, failed: [{ addr: 'nobody', error: 'no such name' }] };
    reply(commands[0]?.request ?? -1, { ok: true, value: report });
    await expect(join).resolves.toEqual(report);
  });

  test('I11: 4,000 commands that were replied, and waiters that ended, leave no entry behind', async () => {
    const maps = trackMaps();
    const { handle, commands, reply } = controller();
    const round = async (): Promise<ReadonlyMap<string, number>> => {
      const replies = Array.from({ length: 2000 }, (_, i) => {
        handle.subscribe([`node:${i}`, 'nodes'], () => {})();
        return handle.execute({ kind: 'leave' });
      });
      await turn();
      for (const { request } of commands.splice(0)) reply(request, { ok: true });
      await Promise.all(replies);
      return maps.entries();
    };
    const before = await round();
    expect(grown(before, await round())).toEqual([]);
  });

  test('a reply to an unknown request is ignored', () => {
    expect(() => controller().reply(99, { ok: true })).not.toThrow();
  });

  test('when the agent stops, pending and later commands are rejected', async () => {
    const { handle, close } = controller();
    const pending = handle.execute({ kind: 'leave' });
    await turn();
    close();
    await expect(pending).rejects.toThrow('the agent is stopping');
    await expect(handle.execute({ kind: 'leave' })).rejects.toThrow('the agent is stopping');
  });
});

describe('subscriptions', () => {
  test('a change wakes each subscriber to it once, and no other', () => {
    const { handle, notify } = controller();
    const woken: string[] = [];
    handle.subscribe(['nodes', 'node:bob'], () => woken.push('both'));
    handle.subscribe(['node:bob'], () => woken.push('bob'));
    handle.subscribe(['node:cat'], () => woken.push('cat'));

    notify(['nodes', 'node:bob']);
    expect(woken.sort()).toEqual(['bob', 'both']);
    notify(['node:cat']);
    expect(woken).toEqual(['bob', 'both', 'cat']);
  });

  test('a subscriber is woken by every change until it unsubscribes', () => {
    const { handle, notify } = controller();
    let woken = 0;
    const unsubscribe = handle.subscribe(['nodes', 'node:bob'], () => {
      woken += 1;
    });
    notify(['nodes']);
    notify(['node:bob']);
    expect(woken).toBe(2);
    unsubscribe();
    unsubscribe();
    notify(['nodes', 'node:bob']);
    expect(woken).toBe(2);
  });

  test('a subscriber that unsubscribes and subscribes anew when it is woken is woken once', () => {
    const { handle, notify } = controller();
    let woken = 0;
    const wake = (): void => {
      woken += 1;
      unsubscribe();
      unsubscribe = handle.subscribe(['nodes', 'node:bob'], wake);
    };
    let unsubscribe = handle.subscribe(['nodes', 'node:bob'], wake);
    notify(['nodes', 'node:bob']);
    expect(woken).toBe(1);
  });

  test('subscribers to the same topics come and go one by one', () => {
    const { handle, notify } = controller();
    let woken = 0;
    const count = (): void => {
      woken += 1;
    };
    const leave = handle.subscribe(['nodes', 'services'], count);
    handle.subscribe(['nodes', 'services'], count);
    notify(['services']);
    expect(woken).toBe(2);
    leave();
    notify(['nodes']);
    expect(woken).toBe(3);
  });

  test('ten thousand subscribe, one topic changes: all are woken', () => {
    const { handle, notify } = controller();
    const woken = new Set<number>();
    for (let i = 0; i < 10_000; i++) handle.subscribe(['nodes', `node:${i}`], () => woken.add(i));
    notify(['node:5', 'nodes']);
    expect(woken.size).toBe(10_000);
  });

  test('when the agent stops, all subscribers are woken once, and later ones soon after', async () => {
    const { handle, notify, close } = controller();
    const woken: string[] = [];
    handle.subscribe(['nodes'], () => woken.push('one'));
    handle.subscribe(['node:bob', 'nodes'], () => woken.push('two'));
    close();
    expect(woken).toEqual(['one', 'two']);
    handle.subscribe(['nodes'], () => woken.push('late'));
    expect(woken).toEqual(['one', 'two']);
    await turn();
    notify(['nodes', 'node:bob']);
    expect(woken).toEqual(['one', 'two', 'late']);
  });
});
