/** Where the agent is that the commands talk to: its address, and what TLS needs. */
import type { request } from 'node:http';
import type { Agent } from 'node:https';
import { joinHostPort } from '../../base/address.ts';
import { readTextFile } from '../../files/text.ts';
import type { Io } from '../io.ts';

type Place = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** What `send` passes to `request` of node:http, or of node:https. */
export interface Target {
  readonly place: Place;
  readonly request: typeof request;
  /** What the server shows is checked against these, and what a server may ask for. */
  readonly tls: Readonly<Pick<Agent['options'], 'ca' | 'cert' | 'key'>>;
}

/** The address, without what TLS needs; `undefined`: it is none. */
export function parseAgentAddress(
  address: string,
): { readonly place: Place; readonly isTls: boolean } | undefined {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(address);
  if (unix !== null) return { place: { socketPath: unix[1] as string }, isTls: false };
  if (address.startsWith('unix:')) return undefined;
  const withScheme = address.includes('://') ? address : `http://${address}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  const defaultPort = { 'http:': 80, 'https:': 443 }[url.protocol];
  if (defaultPort === undefined || url.hostname === '' || url.username !== '') return undefined;
  if (url.pathname !== '/' || url.search !== '') return undefined;
  const port = url.port === '' ? defaultPort : Number(url.port);
  return { place: { host: url.hostname.replace(/^\[|\]$/g, ''), port }, isTls: url.protocol === 'https:' };
}

/** As the agent writes the address it listens on. */
export const formatPlace = (place: Place): string =>
  'socketPath' in place ? `unix:${place.socketPath}` : joinHostPort(place.host, place.port);

/** Files of TLS, from flags or from variables of this program. */
export interface TlsPaths {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export const tlsPaths = ({ env }: Io, caFile: string | undefined): TlsPaths => ({
  ca: caFile ?? (env['HEARSAY_HTTP_CA_FILE'] || undefined),
  cert: env['HEARSAY_HTTP_CLIENT_CERT_FILE'] || undefined,
  key: env['HEARSAY_HTTP_CLIENT_KEY_FILE'] || undefined,
});

/** Loads node:https only where it is used. Rejects with `AgentError('config')` if a file cannot be read. */
export async function openTarget(place: Place, isTls: boolean, paths: TlsPaths): Promise<Target> {
  if (!isTls) return { place, request: (await import('node:http')).request, tls: {} };
  const texts = Object.entries(paths).map(async ([name, path]) =>
    path === undefined ? [] : [[name, (await readTextFile(path)).text] as const],
  );
  const tls = Object.fromEntries((await Promise.all(texts)).flat());
  return { place, request: (await import('node:https')).request as typeof request, tls };
}
