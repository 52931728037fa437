/** What readers connect to: DNS, HTTP and Serf's RPC, each as the settings say. */
import { isDeepStrictEqual } from 'node:util';
import { type OperatorTokenFile, toScopeTokens } from './access/token-scopes.ts';
import type { AgentHandle } from './agent/contract/agent-handle.ts';
import type { EventFeed } from './agent/contract/feeds.ts';
import { describeError } from './base/errno.ts';
import type { Meter } from './base/meter.ts';
import type { AgentConfig } from './config/schema.ts';
import { startDns } from './dns/server/server.ts';
import { toDnsOptions } from './dns/settings.ts';
import { startHttpServer } from './http/server/server.ts';
import { type HttpRuntime, toHttpOptions } from './http/settings.ts';
import type { RpcServer } from './rpc/server/server.ts';
import { toRpcOptions, toRpcTokens } from './rpc/settings.ts';
import { monotonicNow } from './shell/driver.ts';
import type { Journal } from './shell/logging/journal.ts';
import type { Log } from './shell/logging/logger.ts';
import { createOperatorToken } from './shell/storage/operator-token.ts';
import { readTlsFiles, type TlsTexts } from './shell/storage/tls-files.ts';

/** What the servers share with the rest of a start. */
export interface ServerStartup {
  readonly config: AgentConfig;
  readonly log: Log;
  readonly journal: Journal;
  readonly meter: Meter;
  /** What to close when the agent stops, in the order of opening. */
  readonly cleanups: (() => Promise<void>)[];
}

/** What they serve. */
export interface Served
  extends Pick<HttpRuntime, 'degraded' | 'containers' | 'openOperator' | 'reload'>,
    Required<Pick<HttpRuntime, 'explainDenial'>> {
  readonly agent: AgentHandle;
  readonly events: EventFeed;
  /** The settings that the agent runs with now. */
  config(): AgentConfig;
}

/** Where they listen; `undefined`: off. */
export interface Servers {
  readonly dns: string | undefined;
  readonly http: string | undefined;
  readonly rpc: string | undefined;
  /** From now on the tokens of these settings count. */
  setTokens(config: AgentConfig): void;
  /**
   * Reads the files of TLS again, and returns what takes them over: it returns whether they have changed. Rejects with
   * `AgentError('config')` if they are not usable.
   */
  prepareTls(config: AgentConfig): Promise<() => boolean>;
}

export async function openServers(startup: ServerStartup, served: Served): Promise<Servers> {
  const dns = await openDns(startup, served.agent);
  const runtime = { ...served, dnsAddress: dns, issueOperatorToken: createTokenIssuer(startup) };
  let tls = await readTlsFiles(startup.config);
  const rpc = await openRpc(startup, runtime);
  // Last: whoever waits for an agent asks here, and then finds all of it.
  const http = await openHttp(startup, runtime, tls);
  return {
    ...{ dns, http: http?.address, rpc: rpc?.address },
    setTokens: (config) => {
      http?.setTokens(toScopeTokens(config));
      rpc?.setTokens(toRpcTokens(config));
    },
    prepareTls: async (config) => {
      const files = await readTlsFiles(config);
      // Whether there is TLS at all waits for a restart.
      if (files === undefined || tls === undefined || isDeepStrictEqual(files, tls)) return () => false;
      const { toTlsOptions } = await import('./http/server/tls.ts');
      toTlsOptions(files);
      return () => {
        http?.setTls(files);
        tls = files;
        return true;
      };
    },
  };
}

/** Returns the address it listens on. */
async function openDns(
  { config, meter, cleanups }: ServerStartup,
  { view }: AgentHandle,
): Promise<string | undefined> {
  if (config.dns.kind === 'off') return undefined;
  const dns = await startDns({
    ...toDnsOptions(config, config.dns.address),
    view,
    serial: () => Math.floor(Date.now() / 1000),
    meter,
  });
  cleanups.push(() => dns.close());
  return dns.address;
}

interface ServerRuntime extends Served {
  readonly dnsAddress: string | undefined;
  issueOperatorToken(address: string): Promise<OperatorTokenFile | undefined>;
}

async function openHttp(
  { config, meter, log, journal, cleanups }: ServerStartup,
  { agent, degraded, containers, explainDenial, openOperator, reload, ...rest }: ServerRuntime,
  tls: TlsTexts | undefined,
) {
  const at = config.http;
  if (at.kind === 'off') return undefined;
  const listen = at.kind === 'unix' ? { path: at.path } : { host: at.address.host, port: at.address.port };
  const http = await startHttpServer(
    toHttpOptions(config, listen, {
      ...{ agent, meter, degraded, containers, explainDenial, openOperator, reload },
      ...{ dnsAddress: rest.dnsAddress, issueOperatorToken: rest.issueOperatorToken },
      ...(tls === undefined ? {} : { tls }),
      ...{ logs: log, warnings: () => journal.recentWarnings(), monotonicClock: monotonicNow },
      onError: (error) => journal.record({ kind: 'httpRequestFailed', ...describeFault(error) }),
    }),
  );
  cleanups.push(() => http.close());
  return http;
}

/** Its code is loaded only where it is on. */
async function openRpc(
  { config, log, journal, cleanups }: ServerStartup,
  runtime: ServerRuntime,
): Promise<RpcServer | undefined> {
  if (config.rpc.kind === 'off') return undefined;
  const { startRpcServer } = await import('./rpc/server/server.ts');
  const rpc = await startRpcServer(
    toRpcOptions(config, config.rpc.address, {
      ...{ agent: runtime.agent, events: runtime.events, logs: log, openOperator: runtime.openOperator },
      ...{ issueOperatorToken: runtime.issueOperatorToken, handlers: () => runtime.config().handlers },
      onClientClosed: (client, reason) => journal.record({ kind: 'rpcClientClosed', client, reason }),
      onError: (error) => journal.record({ kind: 'rpcRequestFailed', ...describeFault(error) }),
    }),
  );
  cleanups.push(() => rpc.close());
  return rpc;
}

const describeFault = (error: unknown): { reason: string; stack: string } =>
  error instanceof Error
    ? { reason: error.message, stack: error.stack ?? '' }
    : { reason: String(error), stack: '' };

/**
 * Makes the operator token of this start for the first server that asks, and gives the others the same. Without a file for
 * it the agent runs, and operators need a token that is configured.
 */
function createTokenIssuer({ config, cleanups, log: { logger } }: ServerStartup) {
  const issue = async (address: string): Promise<OperatorTokenFile | undefined> => {
    try {
      const held = await createOperatorToken(address, config.dataDir, process.env);
      cleanups.push(async () => held.discard());
      logger.info(
        { file: held.path },
        'operators need a token; the commands of this user and of root find it',
      );
      return held;
    } catch (error) {
      logger.warn(
        { reason: describeError(error) },
        'there is no operator token: set HEARSAY_HTTP_OPERATOR_TOKEN, or RUNTIME_DIRECTORY to a directory of this user',
      );
      return undefined;
    }
  };
  let issued: Promise<OperatorTokenFile | undefined> | undefined;
  return (address: string): Promise<OperatorTokenFile | undefined> => {
    issued ??= issue(address);
    return issued;
  };
}
