/**
 * Which host a request is for, against DNS rebinding: a page whose name resolves to this host sends that name.
 *
 * Source: S11 (docs/security.md).
 */
import type { IncomingMessage } from 'node:http';
import { isLoopback, parseIp, toAddress } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { HttpError } from '../endpoint/reply/reply.ts';

/** A whole address as the request target, as proxies send it: `http://HOST/PATH`. */
const ABSOLUTE_TARGET = /^http:\/\/([^/?#]*)([^#]*)$/i;

/**
 * The path and query of a request. In a whole address they follow its host, and an empty path is `/`. Throws
 * `AgentError` for anything else.
 *
 * Source: RFC 9112 section 3.2.2.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const rest = ABSOLUTE_TARGET.exec(target)?.[2];
  if (rest === undefined)
    throw new AgentError('badRequest', 'Send a path, or a whole address that begins with http://');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The hosts that a request names: that of its target, which overrides the header, else each Host header. */
export function requestedHosts({ url = '', rawHeaders }: IncomingMessage): readonly string[] {
  if (!url.startsWith('/')) {
    const host = ABSOLUTE_TARGET.exec(url)?.[1];
    if (host !== undefined) return [host];
  }
  const hosts: string[] = []; // `headers.host` of Node is only the first
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts.push(rawHeaders[i + 1] as string);
  }
  return hosts;
}

const MAX_CACHED_HOSTS = 64;

/** Throws unless the request is for this agent. `names` are host names, beside `localhost` and the agent's addresses. */
export type HostCheck = (incoming: IncomingMessage) => void;

export function createHostCheck(allowedHosts: readonly string[]): HostCheck {
  const names = new Set(allowedHosts.map((name) => name.toLowerCase()));
  const allowed = new Set<string>();
  return (incoming) => {
    const [host, ...more] = requestedHosts(incoming);
    const { localAddress = '' } = incoming.socket;
    if (host === undefined || more.length > 0) {
      if (more.length === 0 && mayOmitHost(incoming.httpVersion, localAddress)) return;
      throw new HttpError(400, 'Send one Host header: an address of this agent, or localhost');
    }
    // Programs send the same Host again and again, so allowed ones are cached.
    const key = `${localAddress} ${host}`;
    if (allowed.has(key)) return;
    if (!isAllowedHost(host, localAddress, names))
      throw new AgentError(
        'forbidden',
        'This Host is not allowed: use an address of this agent, or add the name with --http-allowed-hosts',
      );
    if (allowed.size < MAX_CACHED_HOSTS) allowed.add(key);
  };
}

/** Health probes of HTTP/1.0, such as HAProxy's, send no Host. Every browser sends one, so its absence is no rebinding. */
function mayOmitHost(httpVersion: string, localAddress: string): boolean {
  const local = parseIp(localAddress);
  return httpVersion === '1.0' && local !== undefined && isLoopback(local);
}

/**
 * Whether a host names this agent. Addresses of loopback or of the accepting socket count in canonical spelling only, and
 * `localhost` on loopback sockets only.
 */
export function isAllowedHost(host: string, localAddress: string, names: ReadonlySet<string>): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  const local = parseIp(localAddress);
  const ip = parseIp(name);
  if (ip !== undefined) {
    const canonical = toAddress(ip, 0).host;
    return (
      canonical === name &&
      (isLoopback(ip) || (local !== undefined && canonical === toAddress(local, 0).host))
    );
  }
  if (name === 'localhost' && local !== undefined && isLoopback(local)) return true;
  return names.has(name);
}

/**
 * Whether a host is an IP literal or `localhost`: what a page of another site can name only by this host's own
 * address, for which browsers say where a request comes from.
 */
export function isLiteralHost(host: string): boolean {
  const name = hostName(host);
  return name !== undefined && (name === 'localhost' || parseIp(name) !== undefined);
}

/** A host in lower case without its port and brackets; `undefined` if it is not well formed. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([1-9]\d{0,4}))?$/.exec(host.toLowerCase());
  if (match === null || Number(match[3] ?? 1) > 65535) return undefined;
  const [, bracketed, name] = match;
  return bracketed === undefined ? name : bracketed.includes(':') ? bracketed : undefined;
}
