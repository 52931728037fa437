/** Reads the catalog of a running Consul over HTTP, or from a file that was written from one. */
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import * as v from 'valibot';
import { CliError, EXIT } from '../command.ts';
import { sanitize } from '../sanitize.ts';

const TIMEOUT = 10_000;
const MAX_BYTES = 256 * 1024 * 1024;
/** Nodes that are read at the same time. */
const CONCURRENCY = 8;

const NodeSchema = v.looseObject({
  Node: v.string(),
  Address: v.string(),
  TaggedAddresses: v.nullish(v.record(v.string(), v.string())),
  Meta: v.nullish(v.record(v.string(), v.string())),
});
const ServiceSchema = v.looseObject({ ID: v.string(), Service: v.string() });
const CheckSchema = v.looseObject({ CheckID: v.string(), Status: v.string(), ServiceID: v.string() });
const CatalogSchema = v.looseObject({
  nodes: v.array(
    v.looseObject({ node: NodeSchema, services: v.array(ServiceSchema), checks: v.array(CheckSchema) }),
  ),
});

export type ConsulCatalog = v.InferOutput<typeof CatalogSchema>;
export type ConsulCatalogNode = ConsulCatalog['nodes'][number];

export interface ConsulSource {
  read(signal?: AbortSignal): Promise<ConsulCatalog>;
  /** Resolves when a check has changed since it was read, or after the time. */
  waitForChange(seconds: number, signal: AbortSignal): Promise<void>;
}

/** `source`: an address with http: or https:, or the path of a file. */
export function openConsul(source: string, token: string | undefined): ConsulSource {
  if (!/^https?:\/\//i.test(source)) return fileSource(source);
  if (!URL.canParse(source))
    throw new CliError(EXIT.usage, `"${source}" is not a URL such as http://127.0.0.1:8500`);
  const base = new URL(source);
  let index = 0;
  const get = (path: string, timeout = TIMEOUT, signal?: AbortSignal): Promise<Reply> =>
    send(new URL(path, base), token, timeout, signal);
  return {
    read: async (signal) => {
      const getNow = (path: string): Promise<Reply> => get(path, TIMEOUT, signal);
      index = (await getNow('/v1/health/state/any')).index;
      const nodes = parse(v.array(NodeSchema), (await getNow('/v1/catalog/nodes')).body, source);
      return { nodes: await mapInBatches(nodes, (node) => readNode(node, getNow, source)) };
    },
    waitForChange: async (seconds, signal) => {
      const query = `/v1/health/state/any?index=${index}&wait=${seconds}s`;
      await get(query, (seconds + 10) * 1000, signal);
    },
  };
}

async function readNode(
  node: v.InferOutput<typeof NodeSchema>,
  get: (path: string) => Promise<Reply>,
  source: string,
): Promise<ConsulCatalogNode> {
  const name = encodeURIComponent(node.Node);
  const entries = (await get(`/v1/catalog/node/${name}`)).body;
  const wanted = v.nullish(v.looseObject({ Services: v.nullish(v.record(v.string(), ServiceSchema)) }));
  const services = Object.values(parse(wanted, entries, source)?.Services ?? {});
  const checks = parse(v.array(CheckSchema), (await get(`/v1/health/node/${name}`)).body, source);
  return { node, services, checks };
}

function fileSource(path: string): ConsulSource {
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch((error: Error) => {
        throw new CliError(EXIT.usage, `${path} cannot be read: ${error.message}`);
      });
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        throw new CliError(
          EXIT.usage,
          `${path} is not JSON: write it with \`hearsay import consul URL --dump\``,
        );
      }
      return parse(CatalogSchema, value, path);
    },
    waitForChange: () =>
      Promise.reject(new CliError(EXIT.usage, '--follow needs the address of a running Consul')),
  };
}

function parse<const S extends v.GenericSchema>(schema: S, value: unknown, source: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [{ message }] = result.issues;
  throw new CliError(
    EXIT.failed,
    `${source} has not Consul's shape: ${v.getDotPath(result.issues[0]) ?? ''} ${message}`,
  );
}

async function mapInBatches<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += CONCURRENCY)
    results.push(...(await Promise.all(items.slice(i, i + CONCURRENCY).map(map))));
  return results;
}

interface Reply {
  readonly body: unknown;
  readonly index: number;
}

function send(url: URL, token: string | undefined, timeout: number, signal?: AbortSignal): Promise<Reply> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = { accept: 'application/json', ...(token !== undefined && { 'x-consul-token': token }) };
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new CliError(EXIT.noAgent, `no Consul answers at ${url.origin} (${reason}): check the address`));
    const outgoing = request(
      url,
      { headers, timeout, ...(signal !== undefined && { signal }) },
      (response) => {
        readBody(response).then(
          (text) => {
            if (response.statusCode !== 200)
              return reject(
                new CliError(
                  EXIT.failed,
                  `Consul refuses ${url.pathname}: ${response.statusCode} ${sanitize(text.slice(0, 200))}`,
                ),
              );
            try {
              resolve({
                body: JSON.parse(text),
                index: Number(response.headers['x-consul-index'] ?? 0) || 0,
              });
            } catch {
              fail('what answers is not Consul');
            }
          },
          (error: Error) => fail(error.message),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no response in time')));
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    outgoing.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Error('the response is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
