/**
 * The operator token that an agent makes at each start, for the commands on its host. It names the address it is for, and
 * the commands send it nowhere else: a program that listens elsewhere cannot ask for it.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isLoopback, isUnspecified, parseAddress } from '../base/address.ts';

const SECRET = /^[0-9a-f]{64}$/;
const MAX_LENGTH = 512;

/** `listening`: `host:port` or `unix:PATH`; `secret`: 64 hex digits. */
export const formatOperatorToken = (listening: string, secret: string): string =>
  `${visibleAscii(listening)}!${secret}`;

/**
 * Whether `token` is one of an agent that listens at the address of `target`, on this host: `host:port`, or `unix:PATH`.
 * `localhost` is any loopback address, and so is an address that the agent binds for all.
 */
export function isOperatorTokenFor(token: string, target: string): boolean {
  const at = token.lastIndexOf('!');
  if (at < 0 || token.length > MAX_LENGTH || !SECRET.test(token.slice(at + 1))) return false;
  const listening = token.slice(0, at);
  if (listening === visibleAscii(target)) return true;
  const bound = parseAddress(listening);
  const dialed = parseAddress(target.replace(/^localhost:/i, '127.0.0.1:'));
  if (bound === undefined || dialed === undefined || bound.port !== dialed.port) return false;
  if (!isLoopback(dialed.ip)) return false;
  return isUnspecified(bound.ip) || (/^localhost:/i.test(target) && isLoopback(bound.ip));
}

/** A token is sent in a header, and a path may have any character. */
const visibleAscii = (text: string): string =>
  text.replace(/[^\x21-\x7e]/g, (other) => `%${other.charCodeAt(0).toString(16)}`);

const MAX_BYTES = 1024;
const GROUP_OR_OTHERS = 0o077;

/**
 * The token in the file that an agent names, if it is meant for that agent: whoever answers at another address cannot
 * make a command send it there. `target`: where the command connects to, `host:port` or `unix:PATH`. `undefined` if there
 * is none that this user may read.
 */
export async function readOperatorToken(path: string, target: string): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile() || (stats.mode & GROUP_OR_OTHERS) !== 0 || stats.size > MAX_BYTES) return undefined;
    const token = (await file.readFile('utf8')).trim();
    return isOperatorTokenFor(token, target) ? token : undefined;
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
