/**
 * The gRPC check: the gRPC health checking protocol, one framed message each way over HTTP/2.
 *
 * Source: Consul agent/checks/grpc.go; grpc/health/v1/health.proto; gRPC over HTTP/2, "Protocol".
 */
import type { ClientHttp2Session } from 'node:http2';
import { concatBytes, encodeUtf8 } from '../../base/bytes.ts';
import { withHttp2Session } from './http2.ts';
import { critical, passing, type Runner, withErrorPrefix } from './runner.ts';

/** A health response has seven bytes. */
const MAX_RESPONSE_BYTES = 4096;
/** HealthCheckResponse.ServingStatus. */
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
/** grpc-status of a server that does not know the service. */
const NOT_FOUND = '5';

interface HealthResponse {
  readonly httpStatus: number;
  readonly grpcStatus: string;
  readonly message: string;
  readonly body: Uint8Array;
}

export const runGrpc: Runner<'grpc'> = async (probe, run) => {
  const tls = probe.tls ? { serverName: probe.tlsServerName, skipVerify: probe.tlsSkipVerify } : undefined;
  const label = `gRPC check ${probe.target}${probe.service === '' ? '' : `/${probe.service}`}`;
  const response = await withErrorPrefix(label, () =>
    withHttp2Session(probe.target, tls, run, (session) => requestHealth(session, probe.service)),
  );
  if (response.httpStatus !== 200) return critical(`${label}: HTTP status ${response.httpStatus}`);
  if (response.grpcStatus !== '0') {
    const reason =
      response.message || (response.grpcStatus === NOT_FOUND ? 'unknown service' : 'no health service');
    return critical(`${label}: ${reason} (gRPC status ${response.grpcStatus || 'missing'})`);
  }
  const serving = servingStatus(response.body);
  if (serving === 1) return passing(`${label}: success`);
  return critical(`${label}: ${STATUSES[serving] ?? 'unreadable response'}`);
};

function requestHealth(session: ClientHttp2Session, service: string): Promise<HealthResponse> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'Consul Health Check',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let head: Record<string, unknown> = {};
    let tail: Record<string, unknown> = {};
    stream.on('response', (headers) => (head = headers));
    stream.on('trailers', (headers) => (tail = headers));
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_RESPONSE_BYTES) reject(new Error('the response is too long'));
      else chunks.push(chunk);
    });
    stream.on('error', reject);
    stream.on('close', () => {
      const header = (name: string): string => String(tail[name] ?? head[name] ?? '');
      resolve({
        httpStatus: Number(head[':status'] ?? 0),
        grpcStatus: header('grpc-status'),
        message: header('grpc-message'),
        body: Buffer.concat(chunks),
      });
    });
    stream.end(encodeRequest(service));
  });
}

/** One frame: not compressed, four octets of length, then `HealthCheckRequest { string service = 1; }`. */
function encodeRequest(service: string): Uint8Array {
  const name = encodeUtf8(service);
  const message = name.length === 0 ? name : concatBytes([Uint8Array.of(0x0a), varint(name.length), name]);
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(1, message.length);
  return concatBytes([head, message]);
}

function varint(value: number): Uint8Array {
  const octets: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...octets, rest]);
    octets.push((rest & 0x7f) | 0x80);
  }
}

/** Reads field 1 of `HealthCheckResponse`, absent: 0, UNKNOWN. Returns -1 for any other message. */
function servingStatus(body: Uint8Array): number {
  if (body.length < 5 || body[0] !== 0) return -1;
  const message = body.subarray(5);
  if (message.length === 0) return 0;
  const value = message[1];
  return message[0] === 0x08 && value !== undefined && value < 0x80 ? value : -1;
}
