import { expect, test } from 'vitest';
import type {
  AttributedEntry,
  EvidenceFact,
  Investigation,
  NodeEvidence,
} from '../../../../src/agent/contract/evidence.ts';
import { AgentError } from '../../../../src/base/errors.ts';
import type { ProbeReason } from '../../../../src/swim/types.ts';
import { FakeAgent, member, SEED, send, serve, until } from '../fixture.ts';

const entry = (by: string, at: number, fact: EvidenceFact): AttributedEntry => ({
  ...{ by, at, lastAt: at, count: 1 },
  fact,
});
const suspected = {
  kind: 'memberSuspected',
  ...{ node: 'bob', by: 'cat', incarnation: 3, deadline: 9000 },
} as const;
const PROBE: ProbeReason = {
  ...{ kind: 'probe', seqNo: 7, durationMs: 1000, helpers: ['dan', 'eve'], nacks: 2 },
  ...{ stream: false, awareness: 0, latenessMs: 0 },
};
const OWN: NodeEvidence = {
  node: 'bob',
  entries: [
    entry('ann', 1000, { ...suspected, reason: { kind: 'message', by: 'cat', source: '10.0.0.9:7946' } }),
  ],
  dropped: 0,
  isComplete: true,
};
const investigation = (changes: Partial<Investigation>): Investigation => ({
  ...{ id: 9, node: 'bob', finished: false, answered: [], unreadable: [], entries: [] },
  ...changes,
});

interface Report {
  readonly diagnosis: string;
  readonly witnesses: {
    readonly answered: string[];
    readonly unreadable: string[];
    readonly error: string | null;
  } | null;
  readonly evidence: readonly Readonly<Record<string, unknown>>[];
}

/** The clock of this agent stands at 5000. */
function agent(): FakeAgent {
  const one = new FakeAgent(member('ann'), member('bob', { status: 'suspect', since: 1000 }), member('cat'));
  one.nodeEvidence.set('bob', OWN);
  return one;
}

test('the evidence of this agent is shown in wall-clock time, with all fields of each fact', async () => {
  const server = await serve(agent());
  const answer = await send(server, '/v1/hearsay/why/bob?ask=false');
  expect([answer.status, answer.headers['x-consul-index']]).toEqual([200, undefined]);
  expect(answer.json()).toEqual({
    ...{ node: 'bob', status: 'suspect', finding: 'suspected', accusation: 'unclear', cause: null },
    ...{ witnesses: null, dropped: 0 },
    diagnosis:
      'suspected by cat at 22:13:16Z: the message came from 10.0.0.9:7946, which is not a member, and what cat saw is not known here',
    evidence: [
      {
        ...{ at: new Date(SEED - 4000).toISOString(), agoMs: 4000, observer: 'ann', kind: 'memberSuspected' },
        message: 'cat suspects bob: its message came from 10.0.0.9:7946',
        ...{ node: 'bob', by: 'cat', incarnation: 3, deadlineMs: 8000 },
        reason: { kind: 'message', by: 'cat', source: '10.0.0.9:7946' },
      },
    ],
  });
});

test('witnesses are queried; the request ends with the investigation, whose entries are attributed', async () => {
  const one = agent();
  const server = await serve(one);
  const running = investigation({});
  one.reply = async () => running;
  one.investigations.set(9, running);
  const waiting = send(server, '/v1/hearsay/why/bob');
  await until(() => one.waiting > 0);
  const entries = [entry('cat', 4000, { ...suspected, deadline: 12_600, reason: PROBE })];
  const finished = { finished: true, answered: ['cat'], unreadable: ['dan'], entries };
  one.investigations.set(9, investigation(finished));
  one.touch(['query:9']);

  const report = (await waiting).json() as Report;
  expect(one.commands).toEqual([{ kind: 'queryWitnesses', node: 'bob', timeout: 1000 }]);
  expect(report.witnesses).toEqual({ answered: ['cat'], unreadable: ['dan'], error: null });
  expect(report.diagnosis).toBe(
    'suspected by cat at 22:13:16Z: direct and 2 of 2 indirect probes failed; nothing answered: its host is down, or the way to it is cut, so likely true',
  );
  expect(report.evidence.map(({ observer, agoMs }) => [observer, agoMs])).toEqual([
    ['ann', 4000],
    ['cat', 1000],
  ]);
  expect(report.evidence[1]).toMatchObject({ by: 'cat', reason: PROBE, deadlineMs: 8600 });
});

test('if no witness answers, or none can be queried, the evidence of this agent is shown all the same', async () => {
  const one = agent();
  const server = await serve(one);
  const running = investigation({});
  one.reply = async () => running;
  one.investigations.set(9, running);
  const began = performance.now();
  const report = (await send(server, '/v1/hearsay/why/bob?timeout=50ms')).json() as Report;
  expect([report.witnesses?.answered, report.evidence.length]).toEqual([[], 1]);
  expect(performance.now() - began).toBeLessThan(5000);

  one.reply = async () => Promise.reject(new AgentError('conflict', '64 queries wait'));
  const alone = (await send(server, '/v1/hearsay/why/bob')).json() as Report;
  expect([alone.witnesses?.error, alone.evidence.length]).toEqual(['64 queries wait', 1]);
});

test('an investigation that the agent has dropped meanwhile is shown as far as it had come', async () => {
  const one = agent();
  one.reply = async () => investigation({ finished: true, answered: ['cat'] });
  const report = (await send(await serve(one), '/v1/hearsay/why/bob')).json() as Report;
  expect([report.witnesses?.answered, report.evidence.length]).toEqual([['cat'], 1]);
});

test('names match without regard to case; a node never seen is 404; an invalid timeout is 400', async () => {
  const server = await serve(agent());
  expect((await send(server, '/v1/hearsay/why/BOB?ask=false')).json()).toMatchObject({ node: 'bob' });
  const unknown = await send(server, '/v1/hearsay/why/zed?ask=false');
  expect([unknown.status, unknown.body]).toEqual([
    404,
    'no node called "zed" has ever been seen: `hearsay members` lists all names',
  ]);
  for (const query of ['timeout=1ms', 'timeout=11s', 'ask=perhaps'])
    expect([query, (await send(server, `/v1/hearsay/why/bob?${query}`)).status]).toEqual([query, 400]);
});

test('a member that was never accused is clean', async () => {
  const answer = await send(await serve(agent()), '/v1/hearsay/why/cat?ask=false');
  expect(answer.json()).toMatchObject({ finding: 'clean', status: 'alive', evidence: [], accusation: null });
});
