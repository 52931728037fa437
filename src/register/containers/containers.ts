/** The containers of this host, registered as their labels say: one follower for each engine that the settings name. */
import { join } from 'node:path';
import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import type { ContainerEngineStatus } from '../../agent/contract/feeds.ts';
import { isLoopback } from '../../base/address.ts';
import type { AgentConfig } from '../../config/schema.ts';
import { ContainerEngine } from './engine.ts';
import { type ContainerFact, EngineFollower } from './follower.ts';
import { isSelected } from './labels.ts';
import { engineOf } from './services.ts';

export interface ContainersOptions {
  readonly agent: AgentHandle;
  readonly config: Pick<
    AgentConfig,
    'containers' | 'containersNetwork' | 'containersSelect' | 'containersAllow' | 'selfService'
  >;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user of this process; `undefined` where the system has no user IDs. */
  readonly userId: number | undefined;
  record(fact: ContainerFact): void;
}

export interface Containers {
  /** Engines that are away, as sentences. */
  degraded(): readonly string[];
  status(): readonly ContainerEngineStatus[];
  stop(): Promise<void>;
}

/** Also without an engine: what an earlier life of the agent has registered for one that is not named any more goes. */
export function followEngines({ agent, config, env, userId, record }: ContainersOptions): Containers {
  const engines = withoutAliases(config.containers, (engine) => socketsOf(engine, env, userId));
  removeLeftovers(agent, new Set(engines));
  const allows = compileNames(config.containersAllow, config.selfService);
  const followers = engines.map(
    (engine) =>
      new EngineFollower({
        ...{ agent, engine, record, allows, node: agent.view.node },
        source: new ContainerEngine(socketsOf(engine, env, userId)),
        network: config.containersNetwork,
        isLocal: isLoopback(agent.view.address.ip),
        selects: (labels) => isSelected(labels, config.containersSelect),
      }),
  );
  const runs = followers.map((follower) => follower.run());
  return {
    status: () => followers.map((follower) => follower.status()),
    degraded: () => followers.flatMap(({ problem }) => problem ?? []),
    stop: async () => {
      for (const follower of followers) follower.stop();
      await Promise.all(runs);
    },
  };
}

/** Leaves the first of the engines that share a socket, since its containers would be registered twice under one ID. */
function withoutAliases(
  engines: readonly string[],
  socketsOfEngine: (engine: string) => readonly string[],
): readonly string[] {
  const taken = new Set<string>();
  return engines.filter((engine) => {
    const paths = socketsOfEngine(engine).map((path) => path.replace(/^\/var\/run\//, '/run/')); // a link, as a rule
    const isNew = paths.every((path) => !taken.has(path));
    for (const path of paths) taken.add(path);
    return isNew;
  });
}

function removeLeftovers(agent: AgentHandle, engines: ReadonlySet<string>): void {
  for (const [id, { definition }] of [...agent.view.local.services()]) {
    const engine = engineOf(definition);
    if (engine === undefined || engines.has(engine)) continue;
    agent.execute({ kind: 'deregisterService', id }).catch(() => undefined); // it is gone already, or the agent stops
  }
}

/** The usual sockets of an engine, in the order in which they are tried. */
export function socketsOf(
  engine: string,
  env: Readonly<Record<string, string | undefined>>,
  userId: number | undefined,
): readonly string[] {
  if (engine.startsWith('unix:')) return [engine.slice('unix:'.length)];
  if (engine === 'docker') return ['/var/run/docker.sock'];
  const runtime = env['XDG_RUNTIME_DIR'] ?? `/run/user/${userId ?? 0}`;
  const [ofRoot, ofUser] = ['/run/podman/podman.sock', join(runtime, 'podman/podman.sock')];
  return userId === 0 ? [ofRoot, ofUser] : [ofUser, ofRoot];
}

/** Names match in any case. Nobody takes the name under which agents show themselves. */
function compileNames(patterns: readonly string[], selfService: string): (name: string) => boolean {
  const lower = patterns.map((pattern) => pattern.toLowerCase());
  return (name) => {
    const wanted = name.toLowerCase();
    if (wanted === selfService.toLowerCase() && selfService !== 'off') return false;
    const matches = (pattern: string): boolean =>
      pattern.endsWith('*') ? wanted.startsWith(pattern.slice(0, -1)) : wanted === pattern;
    return lower.length === 0 || lower.some(matches);
  };
}
