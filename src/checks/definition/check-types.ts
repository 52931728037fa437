/**
 * The kinds of checks and the fields of each: which is meant when several are set, and what cannot be one. How
 * they are run is the shell's (`shell/runners/`).
 *
 * Source: Consul agent/agent.go, addCheck (the order); agent/structs/check_type.go.
 */

import { splitHostPort } from '../../base/address.ts';
import { utf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Probe } from '../types.ts';
import { durationOf, type Fields, flagOf, mapOf, quoted, text, textOf, texts, textsOf } from './decode.ts';
import { hasControls } from './service.ts';

const MAX_URL_BYTES = 2048;
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 8192;
const MAX_BODY_BYTES = 65_536;
const MAX_ARGS = 256;
const MAX_ARG_BYTES = 8192;

/** As `plain` makes keys. */
export const PROBE_KEYS: readonly string[] = [
  ...'http method header body disableredirects tlsservername tlsskipverify'.split(' '),
  ...'tcp tcpusetls udp ttl grpc grpcusetls h2ping h2pingusetls aliasservice aliasnode'.split(' '),
  ...'args scriptargs shell dockercontainerid osservice'.split(' '),
];

/** The first kind in this order that is set is the one. */
const KINDS: readonly (readonly [key: string, read: (fields: Fields, node?: string) => Probe])[] = [
  ['grpc', readGrpc],
  ['http', readHttp],
  ['ttl', readTtl],
  ['tcp', readTcp],
  ['udp', (fields) => ({ kind: 'udp', target: targetOf(textOf(fields, 'udp'), 'UDP') })],
  ['aliasservice', readAlias],
  ['aliasnode', readAlias],
  [
    'dockercontainerid',
    () => {
      throw invalid('docker checks are not supported: let the container answer over HTTP, TCP or gRPC');
    },
  ],
  ['args', readExec],
  ['scriptargs', readExec],
  ['h2ping', readH2ping],
  [
    'osservice',
    () => {
      throw invalid('OSService checks are not supported: use a TTL check, or Args in a file of the owner');
    },
  ],
];

/** Throws `AgentError('badRequest')`, `Invalid check: …`. */
export function readProbe(fields: Fields, options: { readonly node?: string }): Probe {
  for (const [key, read] of KINDS) if (isSet(fields, key)) return read(fields, options.node);
  throw invalid('TTL must be > 0 for TTL checks');
}

/** An empty text, list or duration is as good as absent. */
function isSet(fields: Fields, key: string): boolean {
  if (key === 'ttl') return durationOf(fields, key) !== 0;
  if (key.endsWith('args')) return textsOf(fields, key).length > 0;
  return textOf(fields, key) !== '';
}

function readHttp(fields: Fields): Probe {
  const url = textOf(fields, 'http');
  if (utf8(url).length > MAX_URL_BYTES) throw invalid(`HTTP must be at most ${MAX_URL_BYTES} bytes`);
  if (!/^https?:\/\/[^/?#]/i.test(url) || hasControls(url) || !URL.canParse(url))
    throw invalid(`HTTP ${quoted(url)} must be a URL with http: or https:`);
  const method = textOf(fields, 'method').toUpperCase() || 'GET';
  if (!/^[A-Z]{1,32}$/.test(method) || method === 'CONNECT')
    throw invalid(`Method ${quoted(method)} cannot be used`);
  const body = textOf(fields, 'body');
  if (utf8(body).length > MAX_BODY_BYTES) throw invalid(`Body must be at most ${MAX_BODY_BYTES} bytes`);
  return {
    kind: 'http',
    url,
    method,
    headers: readHeaders(fields),
    body,
    ...readTls(fields),
    followRedirects: !flagOf(fields, 'disableredirects'),
  };
}

function readHeaders(fields: Fields): Map<string, readonly string[]> {
  const headers = mapOf(fields, 'header', texts);
  if (headers.size > MAX_HEADERS) throw invalid(`at most ${MAX_HEADERS} headers`);
  for (const [name, values] of headers) {
    if (!/^[!#$%&'*+.^`|~\w-]{1,256}$/.test(name))
      throw invalid(`Header ${quoted(name)} is no header's name`);
    for (const value of values)
      if (value.length > MAX_HEADER_BYTES || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
        throw invalid(`Header ${quoted(name)} has a value that cannot be sent`);
  }
  return headers;
}

function readTtl(fields: Fields): Probe {
  const ttl = durationOf(fields, 'ttl');
  if (ttl <= 0) throw invalid('TTL must be > 0 for TTL checks');
  return { kind: 'ttl', ttl };
}

function readTcp(fields: Fields): Probe {
  const target = targetOf(textOf(fields, 'tcp'), 'TCP');
  return { kind: 'tcp', target, tls: flagOf(fields, 'tcpusetls'), ...readTls(fields) };
}

function readGrpc(fields: Fields): Probe {
  const [target = '', ...rest] = textOf(fields, 'grpc').split('/');
  const service = rest.join('/');
  if (utf8(service).length > MAX_URL_BYTES || hasControls(service)) throw invalid('GRPC names no service');
  return {
    kind: 'grpc',
    target: targetOf(target, 'GRPC'),
    service,
    tls: flagOf(fields, 'grpcusetls'),
    ...readTls(fields),
  };
}

function readH2ping(fields: Fields): Probe {
  return {
    kind: 'h2ping',
    target: targetOf(textOf(fields, 'h2ping'), 'H2PING'),
    tls: flagOf(fields, 'h2pingusetls', true),
    tlsSkipVerify: flagOf(fields, 'tlsskipverify'),
  };
}

/** Differs: Consul asks its servers about other nodes; here an alias follows what is registered on this one. */
function readAlias(fields: Fields, node?: string): Probe {
  const other = textOf(fields, 'aliasnode');
  if (other !== '' && other.toLowerCase() !== node?.toLowerCase())
    throw invalid(`AliasNode ${quoted(other)}: an alias check follows services of its own node only`);
  return { kind: 'alias', serviceId: textOf(fields, 'aliasservice') };
}

function readExec(fields: Fields): Probe {
  const args = textsOf(fields, 'args');
  const argv = args.length > 0 ? args : textsOf(fields, 'scriptargs');
  if (argv.length > MAX_ARGS || argv.some((arg) => utf8(arg).length > MAX_ARG_BYTES))
    throw invalid(`Args must be at most ${MAX_ARGS} of at most ${MAX_ARG_BYTES} bytes`);
  if (argv[0] === '' || argv.some((arg) => arg.includes('\0'))) throw invalid('Args name no program');
  return { kind: 'exec', argv };
}

function readTls(fields: Fields): { tlsServerName: string; tlsSkipVerify: boolean } {
  const tlsServerName = textOf(fields, 'tlsservername');
  if (tlsServerName.length > 253 || hasControls(tlsServerName)) throw invalid('TLSServerName is no name');
  return { tlsServerName, tlsSkipVerify: flagOf(fields, 'tlsskipverify') };
}

/** `host:port` with both; `:port` is this host, as in Go. */
function targetOf(literal: string, what: string): string {
  const target = literal.startsWith(':') ? `localhost${literal}` : literal;
  const split = splitHostPort(target);
  if (split?.port === undefined || split.port === 0 || split.host.length > 253 || hasControls(target))
    throw invalid(`${what} ${quoted(text(literal, what))} must be host:port`);
  return target;
}

/** Written here too, so that kinds do not import what imports them. */
const invalid = (detail: string): AgentError => new AgentError('badRequest', `Invalid check: ${detail}`);
