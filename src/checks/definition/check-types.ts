/**
 * The kinds of checks and the fields of each: which kind a registration means when several are set, and what is
 * refused. The runners are in `shell/runners/`.
 *
 * Source: Consul agent/agent.go, addCheck (the order); agent/structs/check_type.go.
 */

import { encodeUtf8 } from '../../base/bytes.ts';
import type { CheckProbe } from '../types.ts';
import {
  booleanField,
  durationField,
  expectStringList,
  FieldError,
  type Fields,
  inField,
  mapField,
  quoted,
  stringField,
  stringListField,
} from './decode.ts';
import { invalidCheckError } from './refusals.ts';
import { hasControlCharacters } from './service.ts';

const MAX_URL_BYTES = 2048;
/** A host name of 253 characters, and a port. */
const MAX_TARGET_CHARS = 320;
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 8192;
const MAX_BODY_BYTES = 65_536;
const MAX_ARGS = 256;
const MAX_ARG_BYTES = 8192;

export const PROBE_KEYS = [
  'http method header body disable_redirects tls_server_name tls_skip_verify',
  'tcp tcp_use_tls udp ttl grpc grpc_use_tls h2ping h2ping_use_tls alias_service alias_node',
  'hold args script_args shell docker_container_id os_service',
].join(' ');

export interface ProbeOptions {
  /** The name of this node, which an alias check may name. */
  readonly node?: string;
  /** The name of the node is not known here, and judged by the agent. */
  readonly anyNode?: boolean;
  /** A check of no kind has the status that is registered: it is of an external node. */
  readonly mayReport?: boolean;
  /** Why a check may not run a program here, and what to do about it. */
  readonly refuseExec?: string;
}

/** The first kind in this order that is set counts. */
const KINDS: readonly (readonly [
  key: string,
  read: (fields: Fields, options: ProbeOptions) => CheckProbe,
])[] = [
  ['grpc', readGrpc],
  ['http', readHttp],
  ['ttl', readTtl],
  ['tcp', readTcp],
  ['udp', (fields) => ({ kind: 'udp', target: targetOf(stringField(fields, 'udp'), 'UDP') })],
  ['aliasservice', readAlias],
  ['aliasnode', readAlias],
  [
    'dockercontainerid',
    () => {
      throw invalidCheckError(
        'docker checks are not supported: use an HTTP, TCP or gRPC check of the container instead',
      );
    },
  ],
  ['args', readExec],
  ['scriptargs', readExec],
  ['h2ping', readH2ping],
  ['hold', (fields) => ({ kind: 'hold', target: targetOf(stringField(fields, 'hold'), 'Hold') })],
  [
    'osservice',
    () => {
      throw invalidCheckError(
        'OSService checks are not supported: use a TTL check, or Args in a --service file',
      );
    },
  ],
];

/** Throws `AgentError('badRequest')`, `Invalid check: …`. */
export function parseProbeFields(fields: Fields, options: ProbeOptions): CheckProbe {
  for (const [key, read] of KINDS)
    if (isSet(fields.peek(), key)) return inField(fields, key, () => read(fields, options));
  if (fields.peek().get('ttl') !== undefined) throw ttlError(fields);
  if (options.mayReport === true) return { kind: 'reported' };
  const kinds = 'http, tcp, udp, grpc, h2ping, hold, ttl, alias_service or args';
  throw new FieldError(
    // Consul's words come first: programs search for them.
    `Invalid check: TTL must be > 0 for TTL checks, or one of ${kinds} must be set`,
    fields.path,
    `the check has no kind: add one of ${kinds}`,
  );
}

const ttlError = (fields: Fields): FieldError =>
  new FieldError(
    'Invalid check: TTL must be > 0 for TTL checks',
    fields.get('ttl')?.path ?? fields.path,
    'must be longer than 0s',
  );

/** An empty text, list or duration counts as absent. */
function isSet(fields: Fields, key: string): boolean {
  if (key === 'ttl') return durationField(fields, key) !== 0;
  if (key.endsWith('args')) return stringListField(fields, key).length > 0;
  return stringField(fields, key) !== '';
}

function readHttp(fields: Fields): CheckProbe {
  const url = stringField(fields, 'http');
  if (encodeUtf8(url).length > MAX_URL_BYTES)
    throw invalidCheckError(`HTTP must be at most ${MAX_URL_BYTES} bytes`);
  if (!/^https?:\/\/[^/?#\s]/i.test(url) || hasControlCharacters(url))
    throw invalidCheckError(`HTTP ${quoted(url)} must be a URL with http: or https:`);
  return {
    kind: 'http',
    url,
    method: inField(fields, 'method', () => readMethod(fields)),
    headers: inField(fields, 'header', () => readHeaders(fields)),
    body: inField(fields, 'body', () => readBody(fields)),
    ...readTls(fields),
    followRedirects: !booleanField(fields, 'disableredirects'),
  };
}

function readMethod(fields: Fields): string {
  const method = stringField(fields, 'method').toUpperCase() || 'GET';
  if (!/^[A-Z]{1,32}$/.test(method) || method === 'CONNECT')
    throw invalidCheckError(`Method ${quoted(method)} cannot be used`);
  return method;
}

function readBody(fields: Fields): string {
  const body = stringField(fields, 'body');
  if (encodeUtf8(body).length > MAX_BODY_BYTES)
    throw invalidCheckError(`Body must be at most ${MAX_BODY_BYTES} bytes`);
  return body;
}

function readHeaders(fields: Fields): Map<string, readonly string[]> {
  const headers = mapField(fields, 'header', expectStringList);
  if (headers.size > MAX_HEADERS) throw invalidCheckError(`at most ${MAX_HEADERS} headers`);
  for (const [name, values] of headers) {
    if (!/^[!#$%&'*+.^`|~\w-]{1,256}$/.test(name))
      throw invalidCheckError(`Header ${quoted(name)} is not a valid header name`);
    for (const value of values)
      if (value.length > MAX_HEADER_BYTES || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
        throw invalidCheckError(`Header ${quoted(name)} has a value that cannot be sent`);
  }
  return headers;
}

function readTtl(fields: Fields): CheckProbe {
  const ttl = durationField(fields, 'ttl');
  if (ttl <= 0) throw ttlError(fields);
  return { kind: 'ttl', ttl };
}

function readTcp(fields: Fields): CheckProbe {
  const target = targetOf(stringField(fields, 'tcp'), 'TCP');
  return { kind: 'tcp', target, tls: booleanField(fields, 'tcpusetls'), ...readTls(fields) };
}

function readGrpc(fields: Fields): CheckProbe {
  const [target = '', ...rest] = stringField(fields, 'grpc').split('/');
  const service = rest.join('/');
  if (encodeUtf8(service).length > MAX_URL_BYTES || hasControlCharacters(service))
    throw invalidCheckError('GRPC must be host:port or host:port/service');
  return {
    kind: 'grpc',
    target: targetOf(target, 'GRPC'),
    service,
    tls: booleanField(fields, 'grpcusetls'),
    ...readTls(fields),
  };
}

function readH2ping(fields: Fields): CheckProbe {
  return {
    kind: 'h2ping',
    target: targetOf(stringField(fields, 'h2ping'), 'H2PING'),
    tls: booleanField(fields, 'h2pingusetls', true),
    tlsSkipVerify: booleanField(fields, 'tlsskipverify'),
  };
}

/** Differs: Consul's servers evaluate aliases of other nodes; here an alias follows services of its own node only. */
function readAlias(fields: Fields, { node, anyNode = false }: ProbeOptions): CheckProbe {
  const other = stringField(fields, 'aliasnode');
  if (other !== '' && !anyNode && other.toLowerCase() !== node?.toLowerCase())
    throw invalidCheckError(
      `AliasNode ${quoted(other)}: an alias check follows services of its own node only`,
    );
  return { kind: 'alias', serviceId: stringField(fields, 'aliasservice') };
}

function readExec(fields: Fields, { refuseExec }: ProbeOptions): CheckProbe {
  if (refuseExec !== undefined) throw invalidCheckError(refuseExec);
  const args = stringListField(fields, 'args');
  const argv = args.length > 0 ? args : stringListField(fields, 'scriptargs');
  if (argv.length > MAX_ARGS || argv.some((arg) => encodeUtf8(arg).length > MAX_ARG_BYTES))
    throw invalidCheckError(`Args must be at most ${MAX_ARGS} of at most ${MAX_ARG_BYTES} bytes`);
  if (argv[0] === '') throw invalidCheckError('Args must begin with a program');
  if (argv.some((arg) => arg.includes('\0')))
    throw invalidCheckError('Args must not contain null characters');
  return { kind: 'exec', argv };
}

function readTls(fields: Fields): { tlsServerName: string; tlsSkipVerify: boolean } {
  const tlsServerName = stringField(fields, 'tlsservername');
  if (tlsServerName.length > 253 || hasControlCharacters(tlsServerName))
    throw new FieldError(
      'Invalid check: TLSServerName must be a host name',
      fields.get('tlsservername')?.path ?? fields.path,
    );
  return { tlsServerName, tlsSkipVerify: booleanField(fields, 'tlsskipverify') };
}

/**
 * `host:port`; `:port` is a port of this host, as in Go. Whether it can be dialed shows when the check runs: Consul
 * registers `127.0.0.1`, too, and its check is critical.
 */
function targetOf(literal: string, what: string): string {
  const target = literal.startsWith(':') ? `localhost${literal}` : literal;
  if (target.length > MAX_TARGET_CHARS || hasControlCharacters(target) || /[\s/]/.test(target))
    throw invalidCheckError(`${what} ${quoted(literal)} must be host:port`);
  return target;
}
