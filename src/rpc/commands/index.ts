/** All commands of Serf's RPC by name, but `handshake` and `auth`, which are about the connection itself. */
import { forceLeave, join, leave, stats, tags } from './cluster.ts';
import type { RpcCommand } from './command.ts';
import { installKey, listKeys, removeKey, useKey } from './keys.ts';
import { getCoordinate, members, membersFiltered } from './members.ts';
import { event, query, respond } from './messages.ts';
import { monitor, stop, stream } from './streams.ts';

export const RPC_COMMANDS: ReadonlyMap<string, RpcCommand> = new Map([
  ['event', event],
  ['force-leave', forceLeave],
  ['get-coordinate', getCoordinate],
  ['install-key', installKey],
  ['join', join],
  ['leave', leave],
  ['list-keys', listKeys],
  ['members', members],
  ['members-filtered', membersFiltered],
  ['monitor', monitor],
  ['query', query],
  ['remove-key', removeKey],
  ['respond', respond],
  ['stats', stats],
  ['stop', stop],
  ['stream', stream],
  ['tags', tags],
  ['use-key', useKey],
]);
