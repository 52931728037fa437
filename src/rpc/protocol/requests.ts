/**
 * The requests of Serf's RPC. Text and bytes come in one family of old clients, and in two of new ones: both are read.
 *
 * Source: Serf documentation, "RPC Protocol" (agent/rpc).
 */
import {
  arrayField,
  bool,
  bytes,
  goInt,
  STR,
  str,
  stringKeyMap,
  struct,
  u8,
  u64,
} from '../../wire/struct.ts';

/** Entries of one list or map of a request. */
const MAX_ENTRIES = 1024;
/** Requests have no type octet, as gossip's messages do. */
const NO_TYPE = 0;

const names = (name: string) => arrayField(name, MAX_ENTRIES, STR);
const texts = (name: string) => stringKeyMap(name, MAX_ENTRIES, STR);

export const RequestHeader = struct('requestHeader', NO_TYPE, { command: str('Command'), seq: u64('Seq') });

export const HandshakeBody = struct('handshake', NO_TYPE, { version: goInt('Version') });
export const AuthBody = struct('auth', NO_TYPE, { authKey: str('AuthKey') });
export const EventBody = struct('event', NO_TYPE, {
  name: str('Name'),
  payload: bytes('Payload'),
  coalesce: bool('Coalesce'),
});
export const ForceLeaveBody = struct('forceLeave', NO_TYPE, { node: str('Node'), prune: bool('Prune') });
export const JoinBody = struct('join', NO_TYPE, { existing: names('Existing'), replay: bool('Replay') });
export const MembersFilteredBody = struct('membersFiltered', NO_TYPE, {
  tags: texts('Tags'),
  status: str('Status'),
  name: str('Name'),
});
export const TagsBody = struct('tags', NO_TYPE, { tags: texts('Tags'), deleteTags: names('DeleteTags') });
export const KeyBody = struct('key', NO_TYPE, { key: str('Key') });
export const StreamBody = struct('stream', NO_TYPE, { type: str('Type') });
export const MonitorBody = struct('monitor', NO_TYPE, { logLevel: str('LogLevel') });
export const StopBody = struct('stop', NO_TYPE, { stop: u64('Stop') });
export const QueryBody = struct('query', NO_TYPE, {
  filterNodes: names('FilterNodes'),
  filterTags: texts('FilterTags'),
  requestAck: bool('RequestAck'),
  relayFactor: u8('RelayFactor'),
  /** In nanoseconds; 0: Serf's formula. */
  timeout: goInt('Timeout'),
  name: str('Name'),
  payload: bytes('Payload'),
});
export const RespondBody = struct('respond', NO_TYPE, { id: u64('ID'), payload: bytes('Payload') });
export const GetCoordinateBody = struct('coordinate', NO_TYPE, { node: str('Node') });
