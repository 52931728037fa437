/** `/v1/openapi.json`: the routes as OpenAPI 3.1 tells them, made of the very declarations that serve them. */
import type { Route, RouteDescription } from './route.ts';
import type { Schema } from './schema.ts';

/** A JSON object; of the standard's own making, and not worth a type of its own. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The whole document. */
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
        'Service discovery without servers, in the shapes of Consul. Errors are one plain sentence. A path parameter at the end of a path is the rest of it, slashes included.',
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

/** How OpenAPI writes the path of a route. */
export const toOpenApiPath = (path: string): string => path.replace(/:(\w+)(?:\.\.\.)?/g, '{$1}');

const METHODS: Readonly<Record<Route['method'], readonly string[]>> = {
  GET: ['get'],
  PUT: ['put'],
  POST: ['post'],
  DELETE: ['delete'],
  ANY: ['get', 'put', 'post', 'delete'],
};

function operation(
  { path, description: about }: Route,
  method: string,
  named: Map<string, JsonObject>,
): JsonObject {
  const { summary, requestSchema: takes, responseSchema: shows, refusedStatus: refused } = about;
  const text = { 'text/plain': { schema: { type: 'string' } } };
  const error = { description: 'One sentence', content: text };
  const body = shows === undefined ? text : { 'application/json': { schema: toJsonSchema(shows, named) } };
  const empty = method !== 'get' && shows === undefined;
  return {
    summary,
    parameters: [...path.matchAll(/:(\w+)/g)]
      .map(([, name]): JsonObject => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
      .concat(refused === undefined ? toQueryParameters(about) : []),
    ...(takes === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: toJsonSchema(takes, named) } },
          },
        }),
    responses:
      refused === undefined
        ? {
            200: {
              description: empty ? 'Done' : 'The answer',
              ...(about.reads === undefined ? {} : { headers: INDEX_HEADERS }),
              ...(empty ? {} : { content: body }),
            },
            default: error,
          }
        : { [refused]: error },
  };
}

function toQueryParameters({ query, reads, filterable: filters }: RouteDescription): JsonObject[] {
  const names = [
    ...query,
    ...(filters === true ? ['filter'] : []),
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

/** Every query parameter there is; a test holds the routes to it. */
export const QUERY_PARAMETERS: Readonly<Record<string, JsonObject>> = {
  a: param('A member', string, { required: true }),
  ask: param('Whether other agents are asked for their part; true unless told', { type: 'boolean' }),
  b: param('Another member; this agent unless told', string),
  cached: param('Accepted: every answer is from memory', string, presence),
  coalesce: param('Of several of this name only the newest matters', { type: 'boolean' }, presence),
  consistent: param('Accepted, and answered from memory', string, presence),
  dc: param('The own datacenter', string),
  enable: param('On or off', { type: 'boolean' }, { required: true }),
  filter: param('An expression on the fields of each element', string),
  force: param('Even if a member would be cut off', { type: 'boolean' }, presence),
  format: param('`text`: the status word alone', string),
  hash: param('Wait while the content has this hash', string),
  id: param('One instance', string),
  index: param('Wait for a change after this index', { type: 'integer', minimum: 0 }),
  key: param('Any text', string, { required: true }),
  logjson: param('A JSON object on each line', { type: 'boolean' }),
  loglevel: param('The least to show: `trace`, `debug`, `info`, `warn` or `error`', string),
  n: param('How many', { type: 'integer', minimum: 1, maximum: 100 }),
  name: param('Events of this name alone', string),
  near: param('Nearest first: a node, or `_agent`', string),
  'no-ack': param('Do not have everybody say that it came', { type: 'boolean' }, presence),
  node: param('A member; several if repeated', strings),
  'node-meta': param('`key:value` of the node; all of them if several', strings),
  note: param('The output of the check', string),
  passing: param('Only those whose checks all pass', { type: 'boolean' }, presence),
  peer: param('Another peer: nothing is known of any', string),
  pretty: param('Indented', string, presence),
  prune: param('Forget it at once', string, presence),
  reason: param('Shown with the check', string),
  'relay-factor': param('Members through which each answer comes as well', {
    type: 'integer',
    minimum: 0,
    maximum: 255,
  }),
  'replace-existing-checks': param('Drop checks that are not named', { type: 'boolean' }, presence),
  segment: param('There is one: `_all`', string),
  service: param('The name of a service', string),
  stale: param('Accepted: every answer is from memory', string, presence),
  tag: param('A tag; all of them if several', strings),
  timeout: param('How long to wait for members, with its unit', string),
  type: param('`member` or `service`; both unless told', strings),
  wait: param('How long at most, with its unit, such as 30s', string),
  wan: param('There is no WAN pool', string, presence),
};

const INDEX_HEADERS: JsonObject = {
  'X-Consul-Index': { description: 'What to send as `index`', schema: { type: 'integer', minimum: 1 } },
};

/** As JSON Schema; what has a name is listed in `named` and referred to. */
export function toJsonSchema(schema: Schema, named: Map<string, JsonObject>): JsonObject {
  const { name, nullable, ...rest } = schema;
  if (nullable === true)
    return { anyOf: [toJsonSchema(name === undefined ? rest : { ...rest, name }, named), { type: 'null' }] };
  if (name === undefined) return toSchemaType(rest, named);
  if (!named.has(name)) {
    named.set(name, {}); // it may hold itself
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
