import { expect, test } from 'vitest';
import type { EvidenceEntry, EvidenceFact, NodeEvidence } from '../../../../src/agent/contract/evidence.ts';
import { buildWitnessReport } from '../../../../src/agent/evidence/witness-report.ts';
import { AgentError } from '../../../../src/base/errors.ts';
import type { QueryReport } from '../../../../src/serf/types.ts';
import type { ProbeReason } from '../../../../src/swim/types.ts';
import { FakeAgent, member, SEED, send, serve, until } from '../fixture.ts';

/** The clock of the fixture's agent stands at 5000. */
const NOW = 5000;
const exhibit = (at: number, fact: EvidenceFact): EvidenceEntry => ({ at, lastAt: at, times: 1, fact });
const dossier = (...exhibits: EvidenceEntry[]): NodeEvidence => ({
  node: 'bob',
  entries: exhibits,
  dropped: 0,
});
const PROBE: ProbeReason = {
  ...{ kind: 'probe', seqNo: 7, durationMs: 1000, helpers: ['dan', 'eve'], nacks: 2 },
  ...{ stream: false, awareness: 0, latenessMs: 0 },
};
const HEARD = dossier(
  exhibit(1000, {
    ...{ kind: 'memberSuspected', node: 'bob', by: 'cat', incarnation: 3, deadline: 9000 },
    reason: { kind: 'message', by: 'cat', source: '10.0.0.9:7946' },
  }),
);
const SEEN = dossier(
  exhibit(400, {
    ...{ kind: 'memberSuspected', node: 'bob', by: 'cat', incarnation: 3, deadline: 9000 },
    reason: PROBE,
  }),
);

interface Story {
  readonly verdict: string;
  readonly asked: {
    readonly answered: string[];
    readonly unreadable: string[];
    readonly why: string | null;
  } | null;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

function agent(): FakeAgent {
  const one = new FakeAgent(member('ann'), member('bob', { status: 'suspect', since: 1000 }), member('cat'));
  one.dossiers.set('bob', HEARD);
  return one;
}

const asked = (responses: QueryReport['responses'], finished: boolean): QueryReport => ({
  ...{ id: 9, name: 'why', timeout: 1000, finished, expected: 3, acks: [], responses },
});

test('the story tells what this agent kept, in wall-clock time, every part of each fact with it', async () => {
  const server = await serve(agent());
  const answer = await send(server, '/v1/hearsay/why/bob?ask=false');
  expect([answer.status, answer.headers['x-consul-index']]).toEqual([200, undefined]);
  expect(answer.json()).toEqual({
    ...{ node: 'bob', status: 'suspect', finding: 'suspected', likely: 'unclear', asked: null, dropped: 0 },
    verdict:
      'suspected by cat at 22:13:16Z: the word came from 10.0.0.9:7946, where no member lives, and what cat saw is not known here',
    events: [
      {
        ...{ at: new Date(SEED - 4000).toISOString(), agoMs: 4000, seenBy: 'ann', kind: 'memberSuspected' },
        says: 'cat suspects bob: its word came from 10.0.0.9:7946',
        ...{ node: 'bob', by: 'cat', incarnation: 3, deadlineMs: 8000 },
        reason: { kind: 'message', by: 'cat', source: '10.0.0.9:7946' },
      },
    ],
  });
});

test('others are asked; what comes is their word, at the time they told, and what cannot be read is said', async () => {
  const one = agent();
  const server = await serve(one);
  one.reply = async () => asked([], false);
  one.questions.set(9, asked([], false));
  const waiting = send(server, '/v1/hearsay/why/bob');
  await until(() => one.waiting > 0);
  // The accuser's clock stands at 1400 as it answers.
  const payload = buildWitnessReport(SEEN, undefined, 'cat', 1400);
  const junk = Uint8Array.of(0xc1, 1, 2);
  one.questions.set(
    9,
    asked(
      [
        { from: 'cat', payload },
        { from: 'dan', payload: junk },
      ],
      true,
    ),
  );
  one.touch(['question:9']);

  const story = (await waiting).json() as Story;
  expect(one.asked).toEqual([{ kind: 'queryWitnesses', node: 'bob', timeout: 1000 }]);
  expect(story.asked).toEqual({ answered: ['cat'], unreadable: ['dan'], why: null });
  expect(story.verdict).toBe(
    'suspected by cat at 22:13:16Z: direct and 2 of 2 indirect probes failed, so likely true',
  );
  expect(story.events.map(({ seenBy, agoMs }) => [seenBy, agoMs])).toEqual([
    ['ann', 4000],
    ['cat', 1000],
  ]);
  expect(story.events[1]).toMatchObject({ by: 'cat', reason: PROBE, deadlineMs: 8600 });
});

test('nobody answers, or nobody can be asked: what is known here is told all the same', async () => {
  const one = agent();
  const server = await serve(one);
  one.reply = async () => asked([], false);
  one.questions.set(9, asked([], false));
  const began = performance.now();
  const story = (await send(server, '/v1/hearsay/why/bob?timeout=50ms')).json() as Story;
  expect([story.asked?.answered, story.events.length]).toEqual([[], 1]);
  expect(performance.now() - began).toBeLessThan(5000);

  one.reply = async () => Promise.reject(new AgentError('conflict', '64 queries wait'));
  const alone = (await send(server, '/v1/hearsay/why/bob')).json() as Story;
  expect([alone.asked?.why, alone.events.length]).toEqual(['64 queries wait', 1]);
});

test('names match without regard to case; what nobody ever saw is 404; a wrong time is 400', async () => {
  const server = await serve(agent());
  expect((await send(server, '/v1/hearsay/why/BOB?ask=false')).json()).toMatchObject({ node: 'bob' });
  const nobody = await send(server, '/v1/hearsay/why/zed?ask=false');
  expect([nobody.status, nobody.body]).toEqual([
    404,
    'no node called "zed" has ever been seen: see the list of members',
  ]);
  for (const query of ['timeout=1ms', 'timeout=11s', 'ask=perhaps'])
    expect([query, (await send(server, `/v1/hearsay/why/bob?${query}`)).status]).toEqual([query, 400]);
});

test('of a member that was never blamed nothing is said against it', async () => {
  const answer = await send(await serve(agent()), '/v1/hearsay/why/cat?ask=false');
  expect(answer.json()).toMatchObject({ finding: 'clean', status: 'alive', events: [], likely: null });
});

test('S1: many that answer do not make an endless story', async () => {
  const one = agent();
  const payload = buildWitnessReport(SEEN, undefined, 'cat', NOW);
  const responses = Array.from({ length: 500 }, (_, i) => ({
    from: `n${i}`,
    payload: buildWitnessReport(SEEN, undefined, 'cat', NOW),
  }));
  expect(payload.length).toBeLessThan(824);
  one.reply = async () => asked(responses, true);
  one.questions.set(9, asked(responses, true));
  const story = (await send(await serve(one), '/v1/hearsay/why/bob')).json() as Story;
  expect([story.asked?.answered.length, story.events.length]).toEqual([500, 65]);
});
