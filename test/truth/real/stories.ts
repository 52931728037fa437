/** Twelve stories of real processes, which earlier versions told wrongly, each with what is right. */
import { sleep, waitUntil } from '../../support/wait.ts';
import type { Fleet, Said } from './fleet.ts';

/** What is right; a story is told wrongly if a field is none of these. */
interface Right {
  readonly finding: readonly string[];
  readonly accusation: readonly (string | null)[];
  readonly cause: readonly (string | null)[];
  /** The accusation was made at this wall-clock time, in ms, or later. */
  readonly since?: number;
  readonly says?: RegExp;
}

export interface Told {
  readonly story: string;
  /** What is wrong; `undefined`: nothing. */
  readonly fault: string | undefined;
  readonly said: Said;
}

type Ask = (story: string, said: Said, right: Right) => void;

const DEAD = { accusation: ['true'], cause: ['refused'] } as const;
const BACK = { finding: ['returned', 'refuted'], accusation: ['true'], cause: ['restarted'] } as const;
const MOVED = {
  finding: ['returned'],
  accusation: ['true', null],
  cause: ['moved'],
  says: /^(?!.*two nodes claim)/,
} as const;
/** The findings' own wait: gossip about the former life is under way for some seconds. */
const AFTER_MOVE = 4000;

/** A row that is dropped, a second failure, and a process that goes on (N2). */
export async function rowsThatGo(fleet: Fleet, ask: Ask): Promise<void> {
  const killed = Date.now();
  await fleet.kill(4);
  await fleet.waitFor(1, 4, 'failed');
  await waitUntil(
    'the row was dropped',
    120_000,
    async () =>
      (await fleet.why(1, 4)).evidence.findLast(({ kind }) => kind !== 'awarenessChanged')?.kind ===
      'memberDropped',
  );
  await fleet.start(4);
  await fleet.waitUntilWhole();
  ask('1: killed, its row dropped, started again', await fleet.why(1, 4), { ...BACK, since: killed });

  const stopped = Date.now();
  fleet.signal(4, 'SIGSTOP');
  await fleet.waitFor(1, 4, 'failed');
  const hung = { finding: ['failed'], accusation: ['unclear'], cause: ['hung'], since: stopped };
  ask('2: suspended, failed for the second time', await fleet.why(1, 4), hung);

  fleet.signal(4, 'SIGCONT');
  await fleet.waitUntilWhole();
  const ranOn = {
    finding: ['returned', 'refuted'],
    accusation: ['false'],
    cause: ['stalled'],
    since: stopped,
  };
  ask('3: it went on', await fleet.why(1, 4), ranOn);
}

/** Kills on busy hosts (N3). */
export async function kills(fleet: Fleet, ask: Ask): Promise<void> {
  let since = Date.now();
  await fleet.kill(4);
  await fleet.waitFor(1, 4, 'suspect', 'failed');
  ask('4: killed, asked as soon as it is suspected', await fleet.why(1, 4), {
    ...DEAD,
    finding: ['suspected', 'failed'],
    since,
  });
  await fleet.waitFor(2, 4, 'failed');
  ask('5: killed, asked at a bystander', await fleet.why(2, 4), { ...DEAD, finding: ['failed'], since });
  await fleet.start(4);
  await fleet.waitUntilWhole();
  ask('6: started again', await fleet.why(3, 4), { ...BACK, since });

  since = Date.now();
  await fleet.kill(3);
  fleet.signal(2, 'SIGSTOP');
  await sleep(3000);
  fleet.signal(2, 'SIGCONT');
  await fleet.waitFor(2, 3, 'failed');
  ask('7: killed, asked at one that was suspended meanwhile', await fleet.why(2, 3), {
    ...DEAD,
    finding: ['failed'],
    since,
  });
  await fleet.start(3);
  await fleet.waitUntilWhole();
  ask('8: started again, asked at itself', await fleet.why(3, 3), { ...BACK, since });
}

/** Moves to another address, before, while and after the old one is found out (F4); and two nodes of one name (N20). */
export async function moves(fleet: Fleet, ask: Ask): Promise<void> {
  const stories = [
    ['9: moved at once', []],
    ['10: moved while it was suspected', ['suspect', 'failed']],
    ['11: moved after it had failed', ['failed']],
  ] as const;
  for (const [story, statuses] of stories) {
    const since = Date.now();
    await fleet.kill(4);
    if (statuses.length > 0) await fleet.waitFor(1, 4, ...statuses);
    await fleet.start(4, fleet.newIp());
    await fleet.waitFor(1, 4, 'alive');
    await sleep(AFTER_MOVE);
    await fleet.waitUntilWhole();
    ask(story, await fleet.why(1, 4), { ...MOVED, since });
  }
  const twin = await fleet.startAt(fleet.name(3), fleet.newIp());
  const conflict = {
    finding: ['nameConflict'],
    accusation: [null],
    cause: [null],
    says: /two nodes claim the name/,
  };
  const said = await waitUntil('the conflict was noticed', 60_000, async () => {
    const now = await fleet.why(1, 3);
    return now.evidence.some(({ kind }) => kind === 'nameConflict') ? now : undefined;
  });
  await twin.kill();
  ask('12: two nodes of one name', said, conflict);
}

export function findFault(
  said: Said,
  { finding, accusation, cause, since = 0, says }: Right,
): string | undefined {
  if (!finding.includes(said.finding)) return `the finding is ${finding.join(' or ')}`;
  if (!accusation.includes(said.accusation)) return `the accusation is ${accusation.join(' or ')}`;
  if (!cause.includes(said.cause)) return `the cause is ${cause.join(' or ')}`;
  if (said.diagnosis.includes('forged')) return 'nothing was forged';
  if (says !== undefined && !says.test(said.diagnosis)) return `it must say ${says.source}`;
  const [, at] = /(?:suspected|declared failed) by \S+ at (\d\d:\d\d:\d\d)Z/.exec(said.diagnosis) ?? [];
  const day = new Date(since).toISOString().slice(0, 11);
  // The time is written in whole seconds.
  if (at !== undefined && Date.parse(`${day}${at}Z`) < since - 1000) return 'it happened later';
  return undefined;
}
