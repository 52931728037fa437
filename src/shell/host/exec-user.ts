/** The user as whom exec checks and handlers run (`--exec-user`), so that they cannot touch the agent and its files (S14). */
import { readFile } from 'node:fs/promises';
import { AgentError } from '../../base/errors.ts';
import type { ProgramUser } from '../program.ts';

const NUMBERS = /^(\d{1,10})(?::(\d{1,10}))?$/;

/** The user and group of `NAME`, `UID` or `UID:GID`. Rejects with `AgentError('config')` if programs cannot run as it. */
export async function resolveExecUser(
  text: string,
  readUsers = (): Promise<string> => readFile('/etc/passwd', 'utf8'),
): Promise<ProgramUser> {
  const user = await findUser(text, readUsers);
  const own = process.geteuid?.();
  if (own !== undefined && own !== 0 && own !== user.uid)
    throw new AgentError(
      'config',
      `execUser: only root can run programs as ${text}: start the agent as root, or leave --exec-user out`,
    );
  return user;
}

async function findUser(text: string, readUsers: () => Promise<string>): Promise<ProgramUser> {
  const [, uid, gid] = NUMBERS.exec(text) ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  const users = (await readUsers().catch(() => '')).split('\n').map((line) => line.split(':'));
  const [, , foundUid, foundGid] =
    users.find(([name, , number]) => (uid === undefined ? name === text : number === uid)) ?? [];
  if (foundUid !== undefined && foundGid !== undefined)
    return { uid: Number(foundUid), gid: Number(foundGid) };
  throw new AgentError(
    'config',
    `execUser: /etc/passwd has no user ${text}: name another, or give both numbers as UID:GID`,
  );
}
