/**
 * A check by gRPC's health protocol: one framed message each way, over HTTP/2.
 *
 * Source: Consul agent/checks/grpc.go; grpc/health/v1/health.proto; gRPC over HTTP/2, "Protocol".
 */
import type { ClientHttp2Session } from 'node:http2';
import { concatBytes, encodeUtf8 } from '../../base/bytes.ts';
import { withHttp2Session } from './http2.ts';
import { critical, passing, type Runner, withErrorPrefix } from './runner.ts';

/** An answer is seven bytes. */
const MAX_ANSWER_BYTES = 4096;
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
  const words = `gRPC check ${probe.target}${probe.service === '' ? '' : `/${probe.service}`}`;
  const answer = await withErrorPrefix(words, () =>
    withHttp2Session(probe.target, tls, run, (session) => requestHealth(session, probe.service)),
  );
  if (answer.httpStatus !== 200) return critical(`${words}: HTTP status ${answer.httpStatus}`);
  if (answer.grpcStatus !== '0') {
    const why = answer.message || (answer.grpcStatus === NOT_FOUND ? 'unknown service' : 'no health service');
    return critical(`${words}: ${why} (gRPC status ${answer.grpcStatus || 'missing'})`);
  }
  const serving = servingStatus(answer.body);
  if (serving === 1) return passing(`${words}: success`);
  return critical(`${words}: ${STATUSES[serving] ?? 'unreadable answer'}`);
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
      if (bytes > MAX_ANSWER_BYTES) reject(new Error('the answer is too long'));
      else chunks.push(chunk);
    });
    stream.on('error', reject);
    stream.on('close', () => {
      const one = (name: string): string => String(tail[name] ?? head[name] ?? '');
      resolve({
        httpStatus: Number(head[':status'] ?? 0),
        grpcStatus: one('grpc-status'),
        message: one('grpc-message'),
        body: Buffer.concat(chunks),
      });
    });
    stream.end(framed(service));
  });
}

/** Not compressed, four octets of length, then `HealthCheckRequest { string service = 1; }`. */
function framed(service: string): Uint8Array {
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

/** Field 1 of `HealthCheckResponse`; absent it is 0, UNKNOWN. -1: not that message. */
function servingStatus(body: Uint8Array): number {
  if (body.length < 5 || body[0] !== 0) return -1;
  const message = body.subarray(5);
  if (message.length === 0) return 0;
  const value = message[1];
  return message[0] === 0x08 && value !== undefined && value < 0x80 ? value : -1;
}
