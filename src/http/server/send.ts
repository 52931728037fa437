/**
 * Sends replies: as they are, compressed, or as a stream that is read as fast as the client takes it (backpressure).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type EncodedReply, type HttpReply, StreamReply } from '../endpoint/reply/reply.ts';

/** Shorter bodies fit into one packet uncompressed. Source: T14 (docs/consul.md). */
const MIN_GZIP_BYTES = 1400;

/** Resolves when everything is written or the client has disconnected. For HEAD, Node omits the body. */
export function sendReply(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  reply: HttpReply,
): Promise<void> | undefined {
  if (reply instanceof StreamReply) return pipeStream(incoming.method === 'HEAD', outgoing, reply);
  if (reply.body.length < MIN_GZIP_BYTES || !acceptsGzip(incoming.headers['accept-encoding']))
    return write(outgoing, reply.status, reply);
  return reply.gzipped().then((encoded) => write(outgoing, reply.status, encoded));
}

function write(outgoing: ServerResponse, status: number, { rawHeaders, body }: EncodedReply): undefined {
  outgoing.writeHead(status, rawHeaders as string[]).end(body);
}

/** Reads the stream only when the client has taken what was written. */
async function pipeStream(headOnly: boolean, outgoing: ServerResponse, reply: StreamReply): Promise<void> {
  const reader = reply.stream.getReader();
  outgoing.writeHead(reply.status, reply.rawHeaders as string[]);
  outgoing.flushHeaders();
  const closed = new Promise<void>((resolve) => outgoing.once('close', resolve));
  void closed.then(() => reader.cancel()).catch(() => undefined);
  while (!headOnly && !outgoing.destroyed) {
    const { value, done } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await Promise.race([closed, drained(outgoing)]);
  }
  outgoing.end();
}

const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => outgoing.once('drain', resolve));

/** Whether gzip is listed with a quality above 0. */
function acceptsGzip(acceptEncoding: string | string[] = ''): boolean {
  return String(acceptEncoding)
    .split(',')
    .some((coding) => {
      const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase());
      return name === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    });
}
