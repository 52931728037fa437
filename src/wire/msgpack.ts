/**
 * The msgpack dialect of go-msgpack. Raw values carry text and bytes alike, so only a schema (struct.ts) can tell
 * them apart; these two know headers, lengths and limits.
 */
export { MsgpackReader } from './reader.ts';
export { MsgpackWriter } from './writer.ts';
