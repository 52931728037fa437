/** A question how far ledgers are served waits until they are, and until readers that wait have been sent it. P84, S33. */
import { expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { ServedResponder } from '../../../../src/agent/served/responder.ts';
import { SERVED_QUERY } from '../../../../src/serf/queries/names.ts';
import { decodeServedAnswer, encodeServedQuestion, type ServedAnswer } from '../../../../src/wire/served.ts';

const ROW = { owner: 'ann', epoch: 7, version: 42 };

function responder() {
  const held = { owner: 'ann', epoch: 7, version: 41 };
  const served = new ServedResponder({ replicaProgress: (owner) => (owner === 'ann' ? held : undefined) });
  const answers: ServedAnswer[] = [];
  const ask = (from = 'bob', payload = encodeServedQuestion([ROW])): boolean =>
    served.handleQuery(
      {
        ...{ name: SERVED_QUERY, payload, from, deadline: 1000 },
        reply: (octets) => void answers.push(decodeServedAnswer(octets)),
      },
      0,
    );
  const advance = (now: number): Effect[] => {
    const out: Effect[] = [];
    served.advance(now, [], out);
    return out;
  };
  return { served, held, answers, ask, advance };
}

test('what is held is answered when the readers have been counted, and none is behind', () => {
  const { served, held, answers, ask, advance } = responder();
  expect(ask()).toBe(true);
  expect(advance(1)).toEqual([]);
  held.version = 42;
  expect(advance(2)).toEqual([{ kind: 'countReaders', ticket: 1 }]);
  expect(advance(3)).toEqual([]);
  served.onReadersCounted(1, 900, 2, 4, []);
  expect(answers).toEqual([]);
  expect(served.deadline).toBe(54);
  expect(advance(54)).toEqual([{ kind: 'countReaders', ticket: 1, index: 900 }]);
  served.onReadersCounted(1, 900, 0, 55, []);
  expect(answers).toMatchObject([{ rows: [{ epoch: 7, version: 42 }], waiting: 0 }]);
  expect(advance(2000)).toEqual([]);
});

test('just before its time is over a question is answered with what there is', () => {
  const { served, held, answers, ask, advance } = responder();
  ask();
  expect(served.deadline).toBe(700);
  advance(700);
  expect(answers).toMatchObject([{ rows: [{ epoch: 7, version: 41 }], waiting: 0 }]);
  ask();
  held.version = 42;
  advance(1);
  served.onReadersCounted(2, 900, 3, 2, []);
  advance(700);
  expect(answers[1]).toMatchObject({ rows: [{ version: 42 }], waiting: 3 });
});

test('one asker has eight questions waiting at most, and bytes that are no question are refused', () => {
  const { answers, ask, advance } = responder();
  for (let i = 0; i < 50; i++) ask();
  ask('cat');
  advance(700);
  expect(answers.length).toBe(9);
  expect(ask('bob', Uint8Array.of(1, 2, 3))).toBe(false);
  expect(ask('bob', encodeServedQuestion([]))).toBe(false);
});
