/** The options of the HTTP server, from the settings of the agent and from what only the running process knows. */
import { hostname } from 'node:os';
import { toScopeTokens } from '../access/token-scopes.ts';
import { formatAddress } from '../base/address.ts';
import { VERSION } from '../base/version.ts';
import type { ReloadReport } from '../config/reload.ts';
import type { AgentConfig } from '../config/schema.ts';
import { deriveNodeId } from './consul/nodes.ts';
import type { AgentInfo } from './endpoint/agent-info.ts';
import { createUiLoader } from './endpoint/reply/ui-files.ts';
import type { HttpListenAddress } from './server/listen.ts';
import type { HttpServerOptions } from './server/server.ts';

type HttpConfig = Pick<
  AgentConfig,
  | Extract<keyof AgentConfig, `http${Capitalize<string>}`>
  | 'node'
  | 'datacenter'
  | 'preset'
  | 'domain'
  | 'altDomain'
  | 'label'
  | 'insecure'
  | 'selfService'
  | 'suspectsLast'
  | 'consulVersion'
  | 'ui'
>;

/** The parts of a running agent that its HTTP server shows or uses. */
export interface HttpRuntime
  extends Pick<
      HttpServerOptions,
      'agent' | 'onError' | 'tls' | 'openOperator' | 'issueOperatorToken' | 'explainDenial'
    >,
    Required<Pick<HttpServerOptions, 'meter' | 'monotonicClock'>>,
    Required<Pick<AgentInfo, 'degraded' | 'containers' | 'warnings' | 'logs'>> {
  /** `host:port`; `undefined` if DNS is off. */
  readonly dnsAddress: string | undefined;
  readonly reload: (() => Promise<ReloadReport>) | undefined;
}

export function toHttpOptions(
  config: HttpConfig,
  listen: HttpListenAddress,
  { agent, dnsAddress, degraded, containers, warnings, logs, reload, openOperator, ...rest }: HttpRuntime,
): HttpServerOptions {
  return {
    listen,
    agent,
    info: {
      version: VERSION,
      consulVersion: config.consulVersion,
      revision: '',
      buildDate: '',
      nodeId: deriveNodeId(config.datacenter, config.node),
      datacenter: config.datacenter,
      domains: [config.domain, config.altDomain],
      startedAt: Date.now(),
      settings: {
        preset: config.preset,
        domain: config.domain,
        altDomain: config.altDomain,
        label: config.label,
      },
      get gossipAddress() {
        return formatAddress(agent.view.address);
      },
      ...(dnsAddress === undefined ? {} : { dnsAddress }),
      degraded,
      containers,
      warnings,
      logs,
    },
    tokens: toScopeTokens(config),
    openOperator,
    insecure: config.insecure,
    allowedHosts: [...config.httpAllowedHosts, ...ownHostNames(config, hostname())],
    legacyGetWrites: config.httpGetWrites,
    emptyKv: config.httpKv === 'empty',
    ...(reload === undefined ? {} : { reload }),
    ...(config.ui === 'on' ? { ui: createUiLoader() } : {}),
    selfService: config.selfService,
    suspectsLast: config.suspectsLast,
    wallClock: Date.now,
    ...rest,
  };
}

/**
 * The names under which programs reach this agent: its node, its host, and what its DNS answers with its address. Only
 * whoever controls this host's names could make them resolve elsewhere.
 */
export function ownHostNames(
  { node, datacenter, domain, altDomain, selfService }: HttpConfig,
  host: string,
): readonly string[] {
  const inZone = [domain, altDomain].flatMap((zone) => [zone, `${datacenter}.${zone}`]);
  const prefixes = [`${node}.node`, ...(selfService === 'off' ? [] : [`${selfService}.service`])];
  return [node, host, ...inZone.flatMap((zone) => prefixes.map((prefix) => `${prefix}.${zone}`))];
}
