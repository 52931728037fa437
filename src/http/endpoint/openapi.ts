/** `/v1/openapi.json`: describes the routes in OpenAPI 3.1, from the declarations that serve them. */
import type { Route, RouteDescription } from './route.ts';
import type { Schema } from './schema.ts';

/** A JSON object of the OpenAPI standard. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function createOpenApiDocument(routes: readonly Route[], version: string): JsonObject {
  const named = new Map<string, JsonObject>();
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = toOpenApiPath(route.path);
    const item = paths[path] ?? {};
    paths[path] = item;
    for (const method of METHODS[route.method])
      if (!(method in item) || route.method !== 'ANY') item[method] = operation(route, method, named);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'hearsay',
      version,
      description:
        'Service discovery without servers, compatible with the HTTP API of Consul. Errors are one plain sentence. A path parameter at the end of a path matches the rest of it, slashes included.',
    },
    paths,
    components: {
      schemas: Object.fromEntries(named),
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Consul-Token' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
    security: [{}, { token: [] }, { bearer: [] }],
  };
}

/** The path of a route in the notation of OpenAPI. */
export const toOpenApiPath = (path: string): string => path.replace(/\/:(\w+)(?:\.\.\.)?/g, '/{$1}');

const METHODS: Readonly<Record<Route['method'], readonly string[]>> = {
  GET: ['get'],
  PUT: ['put'],
  POST: ['post'],
  DELETE: ['delete'],
  ANY: ['get', 'put', 'post', 'delete'],
};

function operation({ path, description }: Route, method: string, named: Map<string, JsonObject>): JsonObject {
  const { summary, requestSchema, responseSchema, eventSchemas, refusedStatus, reads } = description;
  const text = { 'text/plain': { schema: { type: 'string' } } };
  const error = { description: 'One sentence', content: text };
  const json = (schema: Schema): JsonObject => ({
    'application/json': { schema: toJsonSchema(schema, named) },
  });
  const content =
    eventSchemas !== undefined
      ? { 'text/event-stream': { schema: toEventSchema(eventSchemas, named) } }
      : responseSchema === undefined
        ? text
        : json(responseSchema);
  const empty = method !== 'get' && responseSchema === undefined;
  return {
    summary,
    parameters: [...path.matchAll(/\/:(\w+)/g)]
      .map(([, name]): JsonObject => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
      .concat(refusedStatus === undefined ? toQueryParameters(description) : []),
    ...(requestSchema === undefined ? {} : { requestBody: { required: true, content: json(requestSchema) } }),
    responses:
      refusedStatus === undefined
        ? {
            200: {
              description: empty ? 'Done' : 'The reply',
              ...(reads === undefined ? {} : { headers: INDEX_HEADERS }),
              ...(empty ? {} : { content }),
            },
            default: error,
          }
        : { [refusedStatus]: error },
  };
}

/** The parsed events of a stream: each has its name and its data. */
function toEventSchema(events: Readonly<Record<string, Schema>>, named: Map<string, JsonObject>): JsonObject {
  return {
    type: 'array',
    items: {
      anyOf: Object.entries(events).map(([event, data]) => ({
        type: 'object',
        properties: { event: { type: 'string', enum: [event] }, data: toJsonSchema(data, named) },
        required: ['event', 'data'],
      })),
    },
  };
}

function toQueryParameters({ query, reads, filterable }: RouteDescription): JsonObject[] {
  const names = [
    ...query,
    ...(filterable === true ? ['filter'] : []),
    ...(reads === 'blocking' ? ['index', 'wait'] : []),
    ...(reads === undefined ? [] : ['dc', 'stale', 'consistent', 'cached']),
    'pretty',
  ];
  return [...new Set(names)].map((name) => ({ name, in: 'query', ...QUERY_PARAMETERS[name] }));
}

const param = (description: string, type: JsonObject, more: JsonObject = {}): JsonObject => ({
  description,
  schema: type,
  ...more,
});
const string: JsonObject = { type: 'string' };
const strings: JsonObject = { type: 'array', items: string };
const presence: JsonObject = { allowEmptyValue: true };

/** All query parameters; a test checks the routes against it. */
export const QUERY_PARAMETERS: Readonly<Record<string, JsonObject>> = {
  a: param('A member', string, { required: true }),
  ask: param('Whether to query witnesses; true by default', { type: 'boolean' }),
  b: param('Another member; this agent by default', string),
  cached: param('Accepted: all replies are from memory', string, presence),
  coalesce: param('Only the newest of several events of this name matters', { type: 'boolean' }, presence),
  consistent: param('Accepted: all replies are from memory', string, presence),
  count: param('How many others each agent tests, 1 to 8; 4 by default', { type: 'integer' }),
  dc: param('The datacenter of this agent', string),
  empty: param('`allow`: a list may become empty by a partition', string),
  enable: param('On or off', { type: 'boolean' }, { required: true }),
  filter: param('An expression on the fields of each element', string),
  force: param('Even if a member would be cut off', { type: 'boolean' }, presence),
  format: param('`text`: the status word alone', string),
  grace: param(
    'How long services stay after the connection has closed, such as 10s, which is the default',
    string,
  ),
  hash: param('Wait while the content has this hash', string),
  id: param('One instance', string),
  index: param('Wait for a change after this index', { type: 'integer', minimum: 0 }),
  key: param('Any text', string, { required: true }),
  logjson: param('A JSON object on each line', { type: 'boolean' }),
  lease: param('The ID of a lease to come back to', string),
  'local-only': param('Accepted: the keys of all members are listed', { type: 'boolean' }, presence),
  loglevel: param('The lowest level to show: `trace`, `debug`, `info`, `warn` or `error`', string),
  n: param('How many', { type: 'integer', minimum: 1, maximum: 100 }),
  name: param('Only events of this name', string),
  near: param('Nearest first: a node, or `_agent`', string),
  'no-ack': param('Request no acks', { type: 'boolean' }, presence),
  node: param('A member; several if repeated', strings),
  'node-meta': param('`key:value` in the meta of the node; all must match', strings),
  note: param('The output of the check', string),
  owner: param('At whichever agent owns the node', string, presence),
  passing: param('Only those whose checks all pass', { type: 'boolean' }, presence),
  peer: param('A cluster peer: there are none, so the list is empty', string),
  port: param('Name of a port of the service', string),
  pretty: param('Indented', string, presence),
  prune: param('Remove it from the list at once', string, presence),
  quorum: param('Workers that must be in view for anybody to hold a partition', {
    type: 'integer',
    minimum: 1,
  }),
  reason: param('Why, in a few words, shown with the service', string),
  recent: param('How many of the last lines come first', { type: 'integer', minimum: 0 }),
  'relay-factor': param('Members that relay each response as well', {
    type: 'integer',
    minimum: 0,
    maximum: 255,
  }),
  'replace-existing-checks': param(
    'Remove checks that are not in this registration',
    { type: 'boolean' },
    presence,
  ),
  scheme: param('Of the URLs of servers: `http`, `https` or `h2c`', string),
  segment: param('There is one: `_all`', string),
  service: param(
    'The name of a service; several if repeated, where events are followed or documents of several are read',
    string,
  ),
  stale: param('Accepted: all replies are from memory', string, presence),
  tag: param('A tag; all must match', strings),
  timeout: param('How long to wait for members, with its unit, such as 5s', string),
  type: param('`member` or `service`; both by default', strings),
  wait: param('The longest time to wait, with its unit, such as 30s', string),
  wan: param('There is no WAN pool', string, presence),
};

const INDEX_HEADERS: JsonObject = {
  'X-Consul-Index': { description: 'What to send as `index`', schema: { type: 'integer', minimum: 1 } },
};

/** Converts to JSON Schema. A named schema is added to `named` and referred to. */
export function toJsonSchema(schema: Schema, named: Map<string, JsonObject>): JsonObject {
  const { name, nullable, ...rest } = schema;
  if (nullable === true)
    return { anyOf: [toJsonSchema(name === undefined ? rest : { ...rest, name }, named), { type: 'null' }] };
  if (name === undefined) return toSchemaType(rest, named);
  if (!named.has(name)) {
    named.set(name, {}); // it may contain itself
    named.set(name, toSchemaType(rest, named));
  }
  return { $ref: `#/components/schemas/${name}` };
}

function toSchemaType(schema: Schema, named: Map<string, JsonObject>): JsonObject {
  switch (schema.kind) {
    case 'string':
      return schema.oneOf === undefined ? string : { type: 'string', enum: schema.oneOf };
    case 'number':
      return { type: 'integer' };
    case 'boolean':
      return { type: 'boolean' };
    case 'strings':
      return strings;
    case 'any':
      return {};
    case 'map':
      return { type: 'object', additionalProperties: toJsonSchema(schema.of, named) };
    case 'list':
      return { type: 'array', items: toJsonSchema(schema.of, named) };
    case 'object': {
      const fields = [...schema.fields];
      return {
        type: 'object',
        properties: Object.fromEntries(fields.map(([name, field]) => [name, toJsonSchema(field, named)])),
        required: fields.filter(([, { optional }]) => optional !== true).map(([name]) => name),
      };
    }
  }
}
