/** `hearsay agent` in a fake process, with an agent that was not started. */
import { expect, vi } from 'vitest';
import { runCli } from '../../../src/cli/index.ts';
import type { StartedAgent } from '../../../src/cli/io.ts';
import type { AgentConfig } from '../../../src/config/schema.ts';
import type { ReadSettings } from '../../../src/main.ts';
import { createFakeProcess } from './helper.ts';

/** An agent without sockets that records the calls of the commands. */
export function fakeAgent(config: AgentConfig, number = 1) {
  const calls: string[] = [];
  let down = (): void => undefined;
  const stopped = new Promise<void>((resolve) => {
    down = resolve;
  });
  const host = config.bind.host;
  const started: StartedAgent = {
    node: config.node,
    address: `${host}:${config.bind.port === 0 ? 40_000 + number : config.bind.port}`,
    http: config.http.kind === 'off' ? undefined : `127.0.0.1:${8499 + number}`,
    dns: config.dns.kind === 'off' ? undefined : `127.0.0.1:${8599 + number}`,
    rpc: config.rpc.kind === 'off' ? undefined : `127.0.0.1:${7372 + number}`,
    leave: async () => {
      calls.push('leave');
      down();
    },
    pause: async (duration) => {
      calls.push(`pause ${duration}`);
      down();
    },
    stop: async () => {
      calls.push('stop');
      down();
    },
    stopped,
    config,
    logMetrics: () => void calls.push('metrics'),
    reload: async () => {
      calls.push('reload');
      return { changes: [], needsRestart: [], warnings: [] };
    },
  };
  return { started, calls, down: () => down() };
}

/** `hearsay agent` with these words, up and ready. */
export async function ready(
  words: readonly string[],
  change: Partial<StartedAgent> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const created: {
    agent?: ReturnType<typeof fakeAgent>;
    config?: AgentConfig;
    readSettings?: ReadSettings;
  } = {};
  const process = createFakeProcess({
    env,
    start: async (config, readSettings) => {
      created.config = config;
      if (readSettings !== undefined) created.readSettings = readSettings;
      created.agent = fakeAgent(config);
      return { ...created.agent.started, ...change };
    },
  });
  const ended = runCli(['agent', ...words], process.io);
  await vi.waitFor(() => expect(process.out()).toContain('is ready'), { timeout: 30_000 });
  const { agent, config, readSettings } = created;
  if (agent === undefined || config === undefined || readSettings === undefined)
    throw new Error('nothing was started');
  return { ...process, ended, agent, config, readSettings };
}
