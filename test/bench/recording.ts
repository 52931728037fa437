/**
 * Cost of recording: the inputs of one agent among twenty, captured in a simulated world, are fed to agents with and
 * without a recorder. Processor time per input, the best of several rounds; bytes per input.
 */
import { pathToFileURL } from 'node:url';
import { type AgentOptions, createAgent } from '../../src/agent/agent.ts';
import type { Agent, Effect, Input } from '../../src/agent/contract/machine.ts';
import { createRng } from '../../src/base/rng.ts';
import type { Millis } from '../../src/base/time.ts';
import { replayRecording } from '../../src/replay/player.ts';
import { createRecordedAgent } from '../../src/replay/recorder.ts';
import { createStory } from '../../src/sim/scenarios/story.ts';
import { heading, table } from './kit/figures.ts';
import { SHORT } from './kit/options.ts';

const MEMBERS = 20;
const SEED = 1;
const ROUNDS = SHORT ? 9 : 25;
const KEY = new Uint8Array(32).fill(7);

interface Captured {
  readonly options: AgentOptions;
  readonly inputs: readonly { readonly input: Input; readonly now: Millis }[];
  readonly span: Millis;
}

/** Three minutes of a cluster that loses a member, gains a service, and is otherwise idle. */
function capture(keys: readonly Uint8Array[]): Captured {
  let options: AgentOptions | undefined;
  const inputs: { input: Input; now: Millis }[] = [];
  const story = createStory(Array.from({ length: MEMBERS }, (_, i) => `n${i}`).join(' '), {
    ...{ seed: 3, all: { keys }, detail: 'off' },
    makeAgent: (given, { label }) => {
      const agent = createAgent(given);
      if (label !== 'n0') return agent;
      options = given;
      return {
        ...{ view: agent.view },
        get deadline() {
          return agent.deadline;
        },
        handle: (input, now, out) => {
          const kept = 'bytes' in input ? { ...input, bytes: new Uint8Array(input.bytes) } : input;
          inputs.push({ input: kept, now });
          agent.handle(input, now, out);
        },
      };
    },
  });
  story.register('n1', 'web-1');
  story.stop('n2');
  story.run('180s');
  if (options === undefined) throw new Error('n0 was never born');
  return { options, inputs, span: story.world.now - options.now };
}

/** Microseconds of processor time per input, of one round. */
function feed({ options, inputs }: Captured, born: (options: AgentOptions) => Agent): number {
  const agent = born({ ...options, rng: createRng(SEED) });
  const out: Effect[] = [];
  const before = process.cpuUsage();
  for (const { input, now } of inputs) {
    out.length = 0;
    agent.handle(input, now, out);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / inputs.length;
}

const VARIANTS = ['not recorded', 'recorded', 'redacted'] as const;

export function run(): void {
  const rows: string[][] = [];
  for (const [name, keys] of [
    ['plaintext', []],
    ['encrypted', [KEY]],
  ] as const) {
    const captured = capture(keys);
    let lines: string[] = [];
    const recorded = (options: AgentOptions, redact: boolean): Agent => {
      lines = [];
      const write = (line: string): boolean => lines.push(line) > 0;
      const sink = { hasCapacity: () => true, write, writeFooter: write };
      return createRecordedAgent(options, { seed: SEED, redact, salt: new Uint8Array(16), sink });
    };
    const best = new Map<string, number>();
    // The variants take turns, so that other load on the machine affects all alike.
    for (let round = 0; round < ROUNDS; round++)
      for (const variant of VARIANTS) {
        const took = feed(captured, (options) =>
          variant === 'not recorded' ? createAgent(options) : recorded(options, variant === 'redacted'),
        );
        best.set(variant, Math.min(took, best.get(variant) ?? took));
      }
    const bytes = Buffer.from(lines.join(''));
    const began = performance.now();
    const { difference } = replayRecording(bytes);
    if (difference !== undefined) throw new Error(`it plays differently: ${JSON.stringify(difference)}`);
    const speed = captured.span / (performance.now() - began);
    const perInput = String(Math.round(bytes.length / captured.inputs.length));
    for (const variant of VARIANTS) {
      const micros = (best.get(variant) as number).toFixed(1);
      rows.push([
        name,
        variant,
        micros,
        ...(variant === 'redacted' ? [perInput, speed.toFixed(0)] : ['', '']),
      ]);
    }
    console.log(`${name}: ${captured.inputs.length} inputs in ${(captured.span / 1000).toFixed(0)} s`);
  }
  heading('Recording: one agent of twenty');
  console.log(table([['', '', 'µs/input', 'bytes/input', 'played, times real'], ...rows]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) run();
