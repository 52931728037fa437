/** Replies onto the socket: as they are, packed, or as a stream that is read as fast as the client takes it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type EncodedReply, type HttpReply, StreamReply } from '../endpoint/reply/reply.ts';

/** Shorter bodies fit a packet or two as they are. Source: T14 (docs/consul.md). */
const MIN_GZIP_BYTES = 1400;

/** Resolves when everything is written, or nobody is there any more to read it. HEAD: Node drops the body. */
export function sendReply(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  reply: HttpReply,
): Promise<void> | undefined {
  if (reply instanceof StreamReply) return pipeStream(incoming.method === 'HEAD', outgoing, reply);
  if (reply.body.length < MIN_GZIP_BYTES || !acceptsGzip(incoming.headers['accept-encoding']))
    return write(outgoing, reply.status, reply);
  return reply.gzipped().then((packed) => write(outgoing, reply.status, packed));
}

function write(
  outgoing: ServerResponse,
  status: number,
  { rawHeaders: head, body }: EncodedReply,
): undefined {
  outgoing.writeHead(status, head as string[]).end(body);
}

/** Nothing is asked of the stream before the client has taken what there was. */
async function pipeStream(headOnly: boolean, outgoing: ServerResponse, reply: StreamReply): Promise<void> {
  const reader = reply.stream.getReader();
  outgoing.writeHead(reply.status, reply.rawHeaders as string[]);
  outgoing.flushHeaders();
  const gone = new Promise<void>((resolve) => outgoing.once('close', resolve));
  void gone.then(() => reader.cancel()).catch(() => undefined);
  while (!headOnly && !outgoing.destroyed) {
    const { value, done } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await Promise.race([gone, drained(outgoing)]);
  }
  outgoing.end();
}

const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => outgoing.once('drain', resolve));

/** Named, and not with a quality of 0. */
function acceptsGzip(acceptEncoding: string | string[] = ''): boolean {
  return String(acceptEncoding)
    .split(',')
    .some((coding) => {
      const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase());
      return name === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    });
}
