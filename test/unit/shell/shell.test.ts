import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Snapshot } from '../../../src/agent/contract/machine.ts';
import type { Address } from '../../../src/base/address.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { openUdp } from '../../../src/shell/net/udp.ts';
import { type Shell, type ShellOptions, startShell } from '../../../src/shell/shell.ts';
import { at, LOCAL, noting, type Tiny, tiny, until } from './support.ts';

const shells: Shell[] = [];
afterEach(async () => {
  for (const shell of shells.splice(0)) await shell.stop();
});

/** Sends back what it hears, by packet and by stream; answers commands; wakes those who wait for `nodes`. */
function echo(heard: string[] = []): Tiny {
  return tiny((input, out) => {
    heard.push(input.kind);
    switch (input.kind) {
      case 'packet':
        if (input.bytes[0] !== 0)
          out.push({ kind: 'sendPacket', to: input.from, packet: Uint8Array.of(0, ...input.bytes) });
        return;
      case 'streamData':
        out.push({
          kind: 'writeStream',
          stream: input.stream,
          bytes: new Uint8Array(input.bytes),
          end: true,
        });
        return;
      case 'command':
        out.push({ kind: 'topicsChanged', topics: ['nodes'] });
        if (input.command.kind === 'join') {
          const failed = input.command.seeds.map(({ text, error }) => ({
            addr: text,
            error: error ?? 'no answer',
          }));
          out.push({
            kind: 'reply',
            request: input.request,
            result: { ok: true, value: { joined: 0, failed } },
          });
        } else if (input.command.kind === 'leave') {
          out.push({
            kind: 'saveSnapshot',
            revision: 1,
            snapshot: { incarnation: 5, clocks: { member: 1, event: 1, query: 1 }, peers: [] },
          });
          out.push({ kind: 'reply', request: input.request, result: { ok: true } }, { kind: 'stopped' });
        } else {
          const error = new AgentError('notFound', 'no such node');
          out.push({ kind: 'reply', request: input.request, result: { ok: false, error } });
        }
        return;
      default:
        return;
    }
  });
}

async function start(agent: Tiny, options: Partial<ShellOptions> = {}): Promise<Shell> {
  const shell = await startShell({
    bind: LOCAL,
    createAgent: () => agent,
    checks: { allowExec: false },
    journal: noting(),
    onFatal: (error) => expect.fail(String(error)),
    onStopped: () => {},
    ...options,
  });
  shells.push(shell);
  return shell;
}

test('an agent is created with the address that others can dial, and gets a first tick', async () => {
  const heard: string[] = [];
  const born: Address[] = [];
  const agent = echo(heard);
  const shell = await start(agent, {
    createAgent: (address) => {
      born.push(address);
      return agent;
    },
  });
  expect(born).toEqual([shell.bound]);
  expect(shell.address.key).toBe(shell.bound.key);
  expect(shell.bound.port).toBeGreaterThan(0);
  expect(heard).toEqual(['tick']);
});

test('bound to all addresses it announces one that can be dialed, or the configured one', async () => {
  const shell = await start(echo(), { bind: at('0.0.0.0:0') });
  expect(shell.address.host).not.toBe('0.0.0.0');
  expect(shell.address.port).toBe(shell.bound.port);
  const told = await start(echo(), { advertise: at('203.0.113.9:0') });
  expect(told.address.key).toBe(`203.0.113.9:${told.bound.port}`);
});

test('packets and streams go in and come out', async () => {
  const shell = await start(echo());
  const packets: number[][] = [];
  const udp = await openUdp(LOCAL, (bytes) => packets.push([...bytes]), expect.fail);
  udp.send(Uint8Array.of(9, 8), shell.bound);
  await until(() => packets.length === 1, 'the echo by UDP');
  await udp.close();

  const heard: number[] = [];
  const socket = connect(shell.bound.port, shell.bound.host);
  socket.on('data', (bytes) => heard.push(...bytes)).end(Uint8Array.of(1, 2, 3));
  await new Promise((resolve) => socket.once('close', resolve));

  expect(packets).toEqual([[0, 9, 8]]);
  expect(heard).toEqual([1, 2, 3]);
});

test('commands get a reply or an error, and subscribers are woken', async () => {
  const { agent: door } = await start(echo());
  const changed = new Promise<void>((resolve) => door.subscribe(['nodes'], resolve));
  await expect(door.execute({ kind: 'join', seeds: ['10.0.0.300', '127.0.0.1'] })).resolves.toEqual({
    joined: 0,
    failed: [
      { addr: '10.0.0.300', error: '10.0.0.300 is not an IPv4 address' },
      { addr: '127.0.0.1', error: 'no answer' },
    ],
  });
  await changed;
  await expect(
    door.execute({ kind: 'forget', node: 'x', prune: false, refuseLive: true }),
  ).rejects.toMatchObject({
    code: 'notFound',
  });
  expect(door.view.node).toBe('tiny');
});

test('an agent that has left can be stopped by its own effect, and its last snapshot is saved', async () => {
  const saved: Snapshot[] = [];
  let closed = 0;
  let stopping: Promise<void> | undefined;
  const shell = await start(echo(), {
    storage: {
      save: (snapshot) => saved.push(snapshot),
      saveCatalog: () => {},
      close: async () => {
        closed += 1;
      },
    },
    onStopped: () => {
      stopping = shell.stop();
    },
  });
  await shell.agent.execute({ kind: 'leave' });
  await stopping;

  expect(saved.map(({ incarnation }) => incarnation)).toEqual([5]);
  expect(closed).toBe(1);
  await expect(shell.agent.execute({ kind: 'leave' })).rejects.toThrow('the agent is stopping');
  const again = await start(echo(), { bind: shell.bound }); // both ports are free
  expect(again.bound.key).toBe(shell.bound.key);
});

test('a violated invariant is logged as fatal and passed to onFatal', async () => {
  const journal = noting();
  const fatal: unknown[] = [];
  const agent = tiny((input) => {
    if (input.kind === 'command') throw new Error('impossible: nobody home');
  });
  const { agent: door } = await start(agent, { journal, onFatal: (error) => fatal.push(error) });
  await expect(door.execute({ kind: 'leave' })).rejects.toThrow('the agent is stopping');

  expect(fatal).toEqual([new Error('impossible: nobody home')]);
  expect(journal.facts).toMatchObject([{ kind: 'agentCrashed', reason: 'impossible: nobody home' }]);
});

test('if the agent cannot be created, its ports are closed', async () => {
  const taken: Address[] = [];
  const stillborn = start(echo(), {
    createAgent: (address) => {
      taken.push(address);
      throw new AgentError('config', 'tags are too long');
    },
  });
  await expect(stillborn).rejects.toThrow('tags are too long');
  expect((await start(echo(), { bind: taken[0] as Address })).bound.key).toBe(taken[0]?.key);
});

test('failed sends and refused streams are recorded, and do no harm', async () => {
  const journal = noting();
  const agent = tiny((input, out) => {
    if (input.kind === 'tick')
      out.push({ kind: 'sendPacket', to: at('127.0.0.1:0'), packet: Uint8Array.of(1) });
  });
  const shell = await start(agent, { journal });
  await until(() => journal.facts.length > 0, 'the failure is noted');
  expect(journal.facts).toEqual([
    { kind: 'packetSendFailed', to: '127.0.0.1:0', code: 'ERR_SOCKET_BAD_PORT' },
  ]);
  expect(shell.lateness.max).toBeGreaterThanOrEqual(0);
});
