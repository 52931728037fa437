/**
 * The msgpack dialect of go-msgpack. Text and bytes are both encoded as raw, so only a schema (struct.ts) can tell them
 * apart; reader and writer handle headers, lengths and limits.
 */
export { MsgpackReader } from './reader.ts';
export { MsgpackWriter } from './writer.ts';
