/**
 * Watch streams: user messages by which an agent keeps an idle connection to a catalog peer, which closes if that peer's
 * process ends. Serf uses none of these types, and is sent none. A format byte follows the type, as in the catalog's
 * messages.
 *
 * Source: P81 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { checkMemberName } from './memberlist.ts';
import { MsgpackReader } from './msgpack.ts';
import { encodeWithFormat, type MessageOf, str, struct } from './struct.ts';

export const WATCH_TYPE = { watch: 210, watching: 211, farewell: 212 } as const;

const FORMAT = 1;

/** `watcher` wants to keep this stream open to the agent of the name `node`. */
const Watch = struct('watch', WATCH_TYPE.watch, { node: str('n'), watcher: str('w') });

/** The answer: the stream is kept open. */
const Watching = struct('watching', WATCH_TYPE.watching, {});

/** The sender closes the stream itself: that says nothing about its process. */
const Farewell = struct('farewell', WATCH_TYPE.farewell, {});

export type WatchMessage = MessageOf<typeof Watch> | MessageOf<typeof Watching> | MessageOf<typeof Farewell>;

export const isWatchType = (type: number): boolean =>
  type === WATCH_TYPE.watch || type === WATCH_TYPE.watching || type === WATCH_TYPE.farewell;

/** Decodes the body of a user message, type byte first. Throws `WireError`. */
export function decodeWatch(encoded: Uint8Array): WatchMessage {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a watch stream`);
  if (type === WATCH_TYPE.watching) return Watching.read(reader);
  if (type === WATCH_TYPE.farewell) return Farewell.read(reader);
  if (type !== WATCH_TYPE.watch) throw new WireError('unknownType', `type ${type} is none of a watch stream`);
  const watch = Watch.read(reader);
  checkMemberName(watch.node);
  checkMemberName(watch.watcher);
  return watch;
}

export const encodeWatch = (watch: { readonly node: string; readonly watcher: string }): Uint8Array =>
  encodeWithFormat(Watch, FORMAT, watch);
export const WATCHING: Uint8Array = encodeWithFormat(Watching, FORMAT, {});
export const FAREWELL: Uint8Array = encodeWithFormat(Farewell, FORMAT, {});
