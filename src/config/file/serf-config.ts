/** A configuration file of `serf agent` as settings of ours, with what people have to do by hand. */
import { AgentError } from '../../base/errors.ts';
import { foreignKeyHints } from './foreign.ts';
import type { ConfigNode } from './node.ts';
import type { ConfigFile } from './parse.ts';

export interface ConvertedConfig {
  /** By key of ours, as a file has them. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** A line each: keys without a counterpart, and secrets, which no file holds. */
  readonly notes: readonly string[];
}

/** What a key becomes. `fail` throws for a value of a wrong kind. */
type Convert = (value: unknown, into: Map<string, unknown>, fail: (clause: string) => never) => void;

const as =
  (key: string, kind: 'string' | 'number' | 'boolean'): Convert =>
  (value, into, fail) => {
    if (typeof value !== kind) fail(`must be a ${kind}`);
    if (value !== '') into.set(key, value);
  };

const list =
  (key: string): Convert =>
  (value, into, fail) => {
    if (!Array.isArray(value)) return fail('must be a list');
    const items = (value as ConfigNode[]).map((item) => item.value);
    if (!items.every((item) => typeof item === 'string')) fail('must be a list of texts');
    into.set(key, items);
  };

const addTags = (into: Map<string, unknown>, tags: readonly (readonly [string, string])[]): void =>
  void into.set('tag', { ...(into.get('tag') as object | undefined), ...Object.fromEntries(tags) });

const LEVELS: Readonly<Record<string, string>> = { err: 'error' };

const CONVERTERS: ReadonlyMap<string, Convert> = new Map(
  Object.entries<Convert>({
    node_name: as('node', 'string'),
    bind: as('bind', 'string'),
    advertise: as('advertise', 'string'),
    rpc_addr: as('rpc', 'string'),
    keyring_file: as('keyringFile', 'string'),
    snapshot_path: as('importSerfSnapshot', 'string'),
    start_join: list('join'),
    retry_join: list('retryJoin'),
    interface: as('interface', 'string'),
    discover: as('discover', 'string'),
    retry_interval: as('retryJoinInterval', 'string'),
    retry_max_attempts: as('retryJoinMax', 'number'),
    rejoin_after_leave: as('rejoinAfterLeave', 'boolean'),
    replay_on_join: as('replayOnJoin', 'boolean'),
    profile: as('preset', 'string'),
    protocol: as('serf.protocol', 'number'),
    broadcast_timeout: as('serf.broadcastTimeout', 'string'),
    reconnect_interval: as('serf.reconnectInterval', 'string'),
    reconnect_timeout: as('serf.reconnectTimeout', 'string'),
    tombstone_timeout: as('serf.tombstoneTimeout', 'string'),
    user_event_size_limit: as('serf.eventBytes', 'number'),
    query_size_limit: as('serf.queryBytes', 'number'),
    query_response_size_limit: as('serf.queryResponseBytes', 'number'),
    enable_compression: as('swim.compression', 'boolean'),
    disable_name_resolution: (value, into, fail) => {
      if (typeof value !== 'boolean') fail('must be a boolean');
      into.set('serf.nameVote', value !== true);
    },
    log_level: (value, into, fail) => {
      if (typeof value !== 'string') return fail('must be a string');
      const level = value.toLowerCase();
      into.set('logLevel', LEVELS[level] ?? level);
    },
    role: (value, into, fail) => {
      if (typeof value !== 'string') return fail('must be a string');
      addTags(into, [['role', value]]);
    },
    tags: (value, into, fail) => {
      if (!(value instanceof Map)) return fail('must be a map');
      const tags = [...(value as ReadonlyMap<string, ConfigNode>)].map(([tag, { value: text }]) => {
        if (typeof text !== 'string') return fail(`the value of ${tag} must be text`);
        return [tag, text] as const;
      });
      addTags(into, tags);
    },
    event_handlers: (value, into, fail) => {
      if (!Array.isArray(value)) return fail('must be a list');
      const handlers = (value as ConfigNode[]).map(({ value: text }) =>
        typeof text === 'string' ? toHandler(text) : fail('must be a list of texts'),
      );
      into.set('handlers', handlers);
    },
  }),
);

/** What Serf does where its file says nothing, and an agent here does not. */
const SERF_DEFAULTS: Readonly<Record<string, unknown>> = {
  bind: '0.0.0.0:7946',
  rpc: '127.0.0.1:7373',
  rejoinAfterLeave: false,
};

/** Secrets, and what needs more than another name. */
const BY_HAND: ReadonlyMap<string, string> = new Map(
  Object.entries({
    rpc_auth: 'put it, in 32 characters and more, into HEARSAY_RPC_AUTH or a file named by rpcAuthFile',
    encrypt_key: 'put it into HEARSAY_GOSSIP_KEY, or into a keyring file (`hearsay keygen --keyring PATH`)',
    tags_file: 'copy the tags of that file to `tag`; those set later are kept in dataDir',
    snapshot_path: 'set dataDir as well: the snapshot of Serf is read once',
    leave_on_terminate: 'SIGTERM and SIGINT leave; `onStop: pause` stops without leaving',
    skip_leave_on_interrupt: 'SIGTERM and SIGINT leave; `onStop: pause` stops without leaving',
    validate_node_names: 'names that DNS cannot say are warned of',
  }),
);

/** `user:deploy=script` or `script`, which a shell runs, as in Serf. */
function toHandler(spec: string): { readonly on: readonly string[]; readonly run: readonly string[] } {
  const [, filters, script = ''] = /^(?:([a-z*:,\w.-]+)=)?(.*)$/s.exec(spec) ?? [];
  return { on: filters === undefined ? ['*'] : filters.split(','), run: ['/bin/sh', '-c', script] };
}

/** Bytes that a packet needs besides one message. */
const ENVELOPE_BYTES = 200;
const DEFAULT_PACKET_BYTES = 1400;

/** Later files override earlier ones. Throws `AgentError('config')` for what is no configuration of Serf. */
export function convertSerfConfig(files: readonly ConfigFile[]): ConvertedConfig {
  const settings = new Map<string, unknown>(Object.entries(SERF_DEFAULTS));
  const notes = files.flatMap((file) => convertFile(file, settings));
  const longest = Math.max(
    ...['serf.eventBytes', 'serf.queryBytes'].map((key) => Number(settings.get(key) ?? 0)),
  );
  if (longest + ENVELOPE_BYTES > DEFAULT_PACKET_BYTES)
    settings.set('swim.packetBytes', longest + ENVELOPE_BYTES);
  return { settings, notes };
}

/** Adds the settings of one file; returns its notes. */
function convertFile({ path, root }: ConfigFile, settings: Map<string, unknown>): string[] {
  if (!(root.value instanceof Map))
    throw new AgentError('config', `${path}:${root.line}: must be a map of settings`);
  const notes: string[] = [];
  for (const [key, node] of root.value as ReadonlyMap<string, ConfigNode>) {
    const { line, value } = node;
    const fail = (clause: string): never => {
      throw new AgentError('config', `${path}:${line}: ${key}: ${clause}`);
    };
    const note = (text: string): void => void notes.push(`${path}:${line}: ${text}`);
    CONVERTERS.get(key)?.(value, settings, fail);
    const byHand = BY_HAND.get(key);
    if (byHand !== undefined) note(`${key}: ${byHand}`);
    else if (!CONVERTERS.has(key))
      note(foreignKeyHints(key, node)[0]?.hint ?? `${key}: is not known: Serf does not document it`);
  }
  return notes;
}
