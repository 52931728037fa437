/**
 * No field that bears a secret is readable in a redacted recording. Every command, input and probe has a sample here
 * whose texts and bytes contain a secret, and for each the readable fields are listed. A secret field that is renamed,
 * or a new field, must be added to a sample (the compiler insists), and then is readable until `redact-inputs.ts` knows
 * it too.
 */
import { expect, test } from 'vitest';
import type { Command } from '../../../src/agent/contract/commands.ts';
import type { Input } from '../../../src/agent/contract/machine.ts';
import type { AgentOptions } from '../../../src/agent/contract/options.ts';
import { parseIp, toAddress } from '../../../src/base/address.ts';
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import { encodeCheck, encodeService } from '../../../src/checks/definition/encode.ts';
import type { CheckDefinition, CheckProbe } from '../../../src/checks/types.ts';
import type { JobDefinition } from '../../../src/model/job.ts';
import type { ServiceDefinition } from '../../../src/model/service.ts';
import { Masker } from '../../../src/replay/masks.ts';
import { redactInput, redactOptions } from '../../../src/replay/redact-inputs.ts';

const SECRET = 'swordfish';
const BYTES = encodeUtf8(SECRET);
const MAP = new Map([['key', SECRET]]);
const TLS = { tls: true, tlsServerName: SECRET, tlsSkipVerify: false };
const ADDRESS = toAddress(parseIp('10.0.0.1') as Uint8Array, 7946);
const redacting = new Masker(new Uint8Array(16).fill(1), true);
const keysOnly = new Masker(new Uint8Array(16).fill(1), false);

/** Every field, optional ones too. */
type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };
type ByKind<T extends { readonly kind: string }> = {
  readonly [K in T['kind']]: Complete<Extract<T, { kind: K }>>;
};

const PROBES: ByKind<CheckProbe> = {
  http: {
    kind: 'http',
    url: `https://${SECRET}@10.0.0.1/${SECRET}?${SECRET}`,
    method: SECRET,
    headers: new Map([['Authorization', [SECRET]]]),
    body: SECRET,
    tlsServerName: SECRET,
    tlsSkipVerify: false,
    followRedirects: true,
  },
  tcp: { kind: 'tcp', target: SECRET, ...TLS },
  udp: { kind: 'udp', target: SECRET },
  hold: { kind: 'hold', target: SECRET },
  ttl: { kind: 'ttl', ttl: 1000 },
  grpc: { kind: 'grpc', target: SECRET, service: SECRET, ...TLS },
  h2ping: { kind: 'h2ping', target: SECRET, tls: true, tlsSkipVerify: false },
  alias: { kind: 'alias', serviceId: SECRET },
  exec: { kind: 'exec', argv: [SECRET, SECRET] },
  reported: { kind: 'reported' },
  lease: { kind: 'lease' },
  maintenance: { kind: 'maintenance' },
};

const checkWith = (probe: CheckProbe): Complete<CheckDefinition> => ({
  ...{ id: SECRET, name: SECRET, notes: SECRET, serviceId: SECRET, probe },
  ...{ interval: 1000, timeout: 1000, initial: 'passing', outputMaxBytes: 4096 },
  ...{
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfter: 0,
  },
});

const SERVICE: Complete<ServiceDefinition> = {
  ...{ id: SECRET, name: SECRET, tags: [SECRET], address: SECRET, port: 80 },
  ports: [{ name: SECRET, port: 80, isDefault: true }],
  taggedAddresses: new Map([['lan', { address: SECRET, port: 80 }]]),
  meta: MAP,
  weights: { passing: 1, warning: 1 },
  enableTagOverride: false,
};

const JOB: Complete<JobDefinition> = {
  ...{ name: SECRET, schedule: { kind: 'every', every: 1000 }, place: { service: SECRET, tag: SECRET } },
  ...{ timeout: 1, retries: 0, overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 1 },
  action: { kind: 'post', url: `http://host/${SECRET}` },
};

const COMMANDS: ByKind<Command> = {
  join: { kind: 'join', seeds: [{ text: SECRET, addresses: [ADDRESS], error: SECRET }], replay: true },
  leave: { kind: 'leave' },
  pause: { kind: 'pause', duration: 1000 },
  forget: { kind: 'forget', node: SECRET, prune: false, refuseLive: false },
  setTags: { kind: 'setTags', set: MAP, remove: [SECRET] },
  registerService: {
    kind: 'registerService',
    service: SERVICE,
    checks: [checkWith(PROBES.ttl)],
    replaceChecks: true,
  },
  deregisterService: { kind: 'deregisterService', id: SECRET },
  holdLease: {
    ...{ kind: 'holdLease', lease: SECRET, holder: SECRET, grace: 1000 },
    registrations: [{ service: SERVICE, checks: [checkWith(PROBES.ttl)] }],
  },
  closeLease: { kind: 'closeLease', lease: SECRET, holder: SECRET },
  releaseLease: { kind: 'releaseLease', lease: SECRET, reason: SECRET },
  registerCheck: { kind: 'registerCheck', check: checkWith(PROBES.http) },
  deregisterCheck: { kind: 'deregisterCheck', id: SECRET },
  updateCheck: { kind: 'updateCheck', id: SECRET, status: 'passing', output: SECRET },
  maintenance: { kind: 'maintenance', service: SECRET, on: true, reason: SECRET },
  drain: { kind: 'drain', service: SECRET, on: true },
  reload: {
    kind: 'reload',
    services: [{ service: SERVICE, checks: [checkWith(PROBES.ttl)] }],
    tags: MAP,
    keys: [BYTES],
    jobs: [{ definition: JOB, run: [SECRET] }],
  },
  query: {
    kind: 'query',
    query: {
      ...{ name: SECRET, payload: BYTES, nodes: [SECRET], tags: MAP, ack: true, relayFactor: 1 },
      ...{ timeout: 1000, directTo: [SECRET] },
    },
  },
  queryWitnesses: { kind: 'queryWitnesses', node: SECRET, timeout: 1000 },
  testLinks: { kind: 'testLinks', nodes: [SECRET] },
  surveyLinks: { kind: 'surveyLinks', count: 1 },
  openSync: { kind: 'openSync', subject: { kind: 'instance', id: SECRET }, wait: 1000 },
  closeSync: { kind: 'closeSync', id: 1 },
  respond: { kind: 'respond', id: 1, payload: BYTES },
  keys: { kind: 'keys', operation: 'install', key: BYTES, force: false, timeout: 1000 },
  checkKeyring: { kind: 'checkKeyring', keys: [BYTES] },
  registerNode: {
    kind: 'registerNode',
    registration: {
      node: {
        ...{ kind: 'node', name: SECRET, address: SECRET, taggedAddresses: MAP, meta: MAP },
        id: SECRET,
      },
      keepNode: false,
      service: SERVICE,
      checks: [{ definition: checkWith(PROBES.reported), output: SECRET }],
    },
  },
  deregisterNode: {
    ...{ kind: 'deregisterNode', node: SECRET, service: SECRET, check: SECRET, anyOwner: false },
  },
  registerJob: { kind: 'registerJob', definition: JOB },
  deregisterJob: { kind: 'deregisterJob', name: SECRET },
  orderJob: { kind: 'orderJob', name: SECRET, order: 'run' },
  attachWorker: {
    ...{ kind: 'attachWorker', pool: { service: SECRET, count: 1 }, worker: SECRET },
    ...{ session: SECRET, quorum: 2 },
  },
  detachWorker: { kind: 'detachWorker', session: SECRET, inOrder: true },
  releasePartition: { kind: 'releasePartition', session: SECRET, partition: 0, token: 1 },
  fireEvent: {
    ...{ kind: 'fireEvent', name: SECRET, payload: BYTES, coalesce: false },
    filter: { node: SECRET, service: SECRET, tag: SECRET },
  },
};

/** Names, ids, tags and targets: without them nobody could read a recording. */
const CHECK_FIELDS = ['id', 'name', 'serviceId'];
const READABLE_IN_REGISTRATION = [
  ...['id', 'name', 'tags.0', 'address', 'ports.0.name', 'taggedAddresses.lan.address'].map(
    (field) => `service.${field}`,
  ),
  ...CHECK_FIELDS.map((field) => `checks.0.${field}`),
];
const READABLE_IN_COMMANDS: Readonly<Record<Command['kind'], readonly string[]>> = {
  join: ['seeds.0.text', 'seeds.0.error'],
  leave: [],
  pause: [],
  forget: ['node'],
  setTags: ['set.key', 'remove.0'],
  registerService: READABLE_IN_REGISTRATION,
  deregisterService: ['id'],
  holdLease: ['lease', 'holder', ...READABLE_IN_REGISTRATION.map((field) => `registrations.0.${field}`)],
  closeLease: ['lease', 'holder'],
  releaseLease: ['lease'],
  registerCheck: [...CHECK_FIELDS, 'probe.method', 'probe.tlsServerName'].map((field) => `check.${field}`),
  deregisterCheck: ['id'],
  updateCheck: ['id'],
  maintenance: ['service'],
  drain: ['service'],
  reload: [
    ...READABLE_IN_REGISTRATION.map((field) => `services.0.${field}`),
    'tags.key',
    ...['name', 'place.service', 'place.tag'].map((field) => `jobs.0.definition.${field}`),
  ],
  query: ['name', 'nodes.0', 'tags.key', 'directTo.0'].map((field) => `query.${field}`),
  queryWitnesses: ['node'],
  testLinks: ['nodes.0'],
  surveyLinks: [],
  openSync: ['subject.id'],
  closeSync: [],
  respond: [],
  keys: [],
  checkKeyring: [],
  registerNode: [
    ...['name', 'address', 'taggedAddresses.key', 'id'].map((field) => `registration.node.${field}`),
    ...READABLE_IN_REGISTRATION.filter((field) => field.startsWith('service.')).map(
      (field) => `registration.${field}`,
    ),
    ...CHECK_FIELDS.map((field) => `registration.checks.0.definition.${field}`),
  ],
  deregisterNode: ['node', 'service', 'check'],
  registerJob: ['name', 'place.service', 'place.tag'].map((field) => `definition.${field}`),
  deregisterJob: ['name'],
  orderJob: ['name'],
  attachWorker: ['pool.service', 'worker', 'session'],
  detachWorker: ['session'],
  releasePartition: ['session'],
  fireEvent: ['name', 'filter.node', 'filter.service', 'filter.tag'],
};

const READABLE_IN_PROBES: Readonly<Record<CheckProbe['kind'], readonly string[]>> = {
  http: ['method', 'tlsServerName'],
  tcp: ['target', 'tlsServerName'],
  udp: ['target'],
  hold: ['target'],
  ttl: [],
  grpc: ['target', 'service', 'tlsServerName'],
  h2ping: ['target'],
  alias: ['serviceId'],
  exec: [],
  reported: [],
  lease: [],
  maintenance: [],
};

/** The same in the JSON of `encodeCheck`, in which definitions are saved. */
const READABLE_IN_JSON: Readonly<Record<CheckProbe['kind'], readonly string[]>> = {
  http: ['Method', 'TLSServerName'],
  tcp: ['TCP', 'TLSServerName'],
  udp: ['UDP'],
  hold: ['Hold'],
  ttl: [],
  grpc: ['GRPC', 'TLSServerName'],
  h2ping: ['H2PING'],
  alias: ['AliasService'],
  exec: [],
  reported: [],
  lease: [],
  maintenance: [],
};

/** Inputs that are neither commands nor the wire's; the bytes of the wire have tests of their own. */
const INPUTS: ByKind<Exclude<Input, { kind: 'command' }>> = {
  packet: { kind: 'packet', from: ADDRESS, bytes: BYTES },
  streamAccepted: { kind: 'streamAccepted', stream: 1, from: ADDRESS },
  streamOpened: { kind: 'streamOpened', stream: 1 },
  streamData: { kind: 'streamData', stream: 1, bytes: BYTES },
  streamClosed: { kind: 'streamClosed', stream: 1, why: SECRET, failure: 'refused' },
  tick: { kind: 'tick' },
  checkFinished: {
    kind: 'checkFinished',
    outcome: { check: SECRET, generation: 1, status: 'passing', output: SECRET },
  },
  jobRunFinished: {
    kind: 'jobRunFinished',
    outcome: { id: 1, ok: true, timedOut: false, exit: 0, output: SECRET },
  },
  wallClockStepped: { kind: 'wallClockStepped', by: 1 },
  addressChanged: { kind: 'addressChanged', address: ADDRESS },
  keysStored: { kind: 'keysStored', ticket: 1, error: SECRET },
  snapshotStored: { kind: 'snapshotStored', revision: 1, error: SECRET },
  readersCounted: { kind: 'readersCounted', ticket: 1, index: 1, waiting: 1 },
};
const READABLE_IN_INPUTS: Readonly<Record<keyof typeof INPUTS, readonly string[]>> = {
  ...{ packet: [], streamAccepted: [], streamOpened: [], streamData: [], tick: [], addressChanged: [] },
  ...{ jobRunFinished: [], wallClockStepped: [] },
  streamClosed: ['why'],
  checkFinished: ['outcome.check'],
  keysStored: ['error'],
  snapshotStored: ['error'],
  readersCounted: [],
};

/** Paths of all values that contain the secret, with keys of maps and fields of objects joined by dots. */
function secretsIn(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value === 'string') return value.includes(SECRET) ? [path.join('.')] : [];
  if (value instanceof Uint8Array) return Buffer.from(value).includes(SECRET) ? [path.join('.')] : [];
  if (typeof value !== 'object' || value === null) return [];
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  return entries.flatMap(([key, item]) => secretsIn(item, [...path, String(key)]));
}

const redactedCommand = (command: Command, masker: Masker): unknown =>
  (redactInput({ kind: 'command', request: 1, command }, masker) as { readonly command: unknown }).command;

test.each(Object.values(COMMANDS) as Command[])(
  'of the command $kind only the listed fields are readable',
  (command) => {
    expect(secretsIn(redactedCommand(command, redacting)).sort()).toEqual(
      [...READABLE_IN_COMMANDS[command.kind]].sort(),
    );
  },
);

test.each(Object.values(PROBES) as CheckProbe[])(
  'of a $kind probe only the listed fields are readable',
  (probe) => {
    const command = redactedCommand({ kind: 'registerCheck', check: checkWith(probe) }, redacting);
    const { check } = command as { readonly check: { readonly probe: unknown } };
    expect(secretsIn(check.probe).sort()).toEqual([...READABLE_IN_PROBES[probe.kind]].sort());
  },
);

test.each(Object.values(INPUTS) as Input[])(
  'of the input $kind only the listed fields are readable',
  (input) => {
    const readable = secretsIn(redactInput(input, redacting));
    expect(readable.sort()).toEqual([...READABLE_IN_INPUTS[input.kind as keyof typeof INPUTS]].sort());
  },
);

test('of saved registrations only the listed fields are readable', () => {
  const probes = Object.values(PROBES) as CheckProbe[];
  const snapshot: AgentOptions['snapshot'] = {
    ...{ incarnation: 1, clocks: { member: 1, event: 1, query: 1 }, peers: [] },
    registered: {
      services: [JSON.stringify(encodeService(SERVICE))],
      checks: probes.map((probe) => JSON.stringify(encodeCheck(checkWith(probe)))),
      states: [{ check: SECRET, status: 'passing', output: SECRET, ttlLeft: 0 }],
      maintenance: [{ service: SECRET, reason: SECRET }],
      draining: [SECRET],
    },
  };
  const options = { keys: [BYTES], snapshot } as unknown as AgentOptions;
  const redacted = redactOptions(options, redacting) as { keys: unknown; snapshot: typeof snapshot };
  expect(secretsIn(redacted.keys)).toEqual([]);
  const { services, checks, ...rest } = redacted.snapshot.registered as NonNullable<
    typeof snapshot.registered
  >;
  expect(secretsIn(rest).sort()).toEqual(['draining.0', 'maintenance.0.service', 'states.0.check']);
  expect(services.flatMap((text) => secretsIn(JSON.parse(text))).sort()).toEqual(
    ['ID', 'Name', 'Tags.0', 'Address', 'Ports.0.Name', 'TaggedAddresses.lan.Address'].sort(),
  );
  for (const [i, text] of checks.entries())
    expect(secretsIn(JSON.parse(text)).sort(), text).toEqual(
      ['CheckID', 'Name', 'ServiceID', ...READABLE_IN_JSON[(probes[i] as CheckProbe).kind]].sort(),
    );
});

test('gossip keys are never readable, redaction or not', () => {
  for (const kind of ['keys', 'checkKeyring', 'reload'] as const) {
    const { keys, key } = redactedCommand(COMMANDS[kind], keysOnly) as { keys?: unknown; key?: unknown };
    expect([kind, secretsIn([keys, key])]).toEqual([kind, []]);
  }
  expect(secretsIn(redactOptions({ keys: [BYTES] } as unknown as AgentOptions, keysOnly))).toEqual([]);
});
