/** A failed member in a sync of the catalog, for an agent that was not there when it failed (A37 in docs/replication.md). */
import { copyBytes } from '../base/bytes.ts';
import { checkNode } from './memberlist.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { bytes, type MessageOf, str, struct, u16, u32, u64 } from './struct.ts';

/** Failed members in one message. */
export const MAX_FAILED_MEMBERS = 4096;

const FailedMemberRow = struct('failedMember', 0, {
  name: str('n'),
  addr: bytes('a'),
  port: u16('p'),
  meta: bytes('m'),
  vsn: bytes('v'),
  incarnation: u32('i'),
  /** Lamport time of its last intent. */
  statusLTime: u64('l'),
  /** How long ago it failed, in milliseconds. */
  age: u64('t'),
});

export type FailedMemberRow = Omit<MessageOf<typeof FailedMemberRow>, 'kind'>;

/** Rows that are read may be stored. Throws `WireError`. */
export const FAILED_MEMBER = {
  read: (reader: MsgpackReader): FailedMemberRow => {
    const { name, addr, port, meta, vsn, incarnation, statusLTime, age } = FailedMemberRow.read(reader);
    checkNode(name, addr, meta, vsn);
    const identity = { name, addr: copyBytes(addr), port, meta: copyBytes(meta), vsn: copyBytes(vsn) };
    return { ...identity, incarnation, statusLTime, age };
  },
  write: (writer: MsgpackWriter, row: FailedMemberRow): void => FailedMemberRow.write(writer, row),
};
