/** `hearsay/agent`: the agent, as it is, inside a Node program: one process for a program and its discovery. */
import { hostname } from 'node:os';
import { resolveConfig } from '../config/resolve.ts';
import { parseYaml } from '../files/yaml.ts';
import { startAgent } from '../main.ts';

/** Settings as in a configuration file (docs/config.md): `{ node: 'web-1', bind: '10.0.0.7', retryJoin: ['10.0.0.5'] }`. */
export type EmbeddedSettings = Readonly<Record<string, unknown>>;

/** An agent that runs in this process. */
export interface EmbeddedAgent {
  readonly node: string;
  /** What other members join: `host:port`. */
  readonly address: string;
  /** What `connect({ http })` takes; `undefined` if it is off. */
  readonly http: string | undefined;
  /** `host:port`; `undefined` if it is off. */
  readonly dns: string | undefined;
  /** Leaves the cluster, then stops. */
  leave(): Promise<void>;
  /** Stops at once; the other members have to detect it. */
  stop(): Promise<void>;
  /** Resolves when it has stopped, also by itself. */
  readonly stopped: Promise<void>;
}

/**
 * Starts an agent. Nothing is read from the environment: secrets are settings, too, as `gossipKey`. Rejects with a sentence that
 * names the setting; then nothing is left running.
 */
export async function startEmbeddedAgent(settings: EmbeddedSettings = {}): Promise<EmbeddedAgent> {
  const { gossipKey, ...rest } = settings;
  const root = await parseYaml('settings', JSON.stringify(rest));
  const { config } = resolveConfig({
    flags: {},
    // Files must not hold keys, and a program is no file.
    env: typeof gossipKey === 'string' ? { HEARSAY_GOSSIP_KEY: gossipKey } : {},
    files: [{ path: 'settings', root }],
    hostname: hostname(),
  });
  const running = await startAgent(config);
  const { node, address, dns, http } = running;
  return {
    ...{ node, address, dns },
    http: http?.startsWith('unix:') === false ? `http://${http}` : http,
    leave: () => running.leave(),
    stop: () => running.stop(),
    stopped: running.stopped,
  };
}

export { startEmbeddedAgent as startAgent };
