/** The file of a recording, cut at every octet and changed at every octet. */
import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../src/base/address.ts';
import { AgentError } from '../../../src/base/errors.ts';
import {
  RecordingEncoder,
  type RecordingEnd,
  readRecording,
  toJsonDocument,
} from '../../../src/replay/format.ts';
import { fromJson, toJson } from '../../../src/replay/json-codec.ts';
import { replayRecording } from '../../../src/replay/player.ts';
import { createStory } from '../../../src/sim/scenarios/story.ts';
import { forgery, recording } from './support.ts';

/** A short life: its file, and the octet at which each line begins. */
function small(): { bytes: Uint8Array; starts: number[]; lines: number } {
  const { lives, birth } = recording(false);
  createStory('ann bob', { seed: 3, makeAgent: birth }).run('1s');
  const { paper } = lives[0] as (typeof lives)[number];
  const lines = [
    ...paper.lines.slice(0, 9),
    new RecordingEncoder().encodeLine(toJsonDocument({ end: 'stopped' })),
  ];
  let at = 0;
  const starts = lines.map((line) => {
    at += line.length;
    return at - line.length;
  });
  return { bytes: forgery(lines, -1, String), starts, lines: lines.length };
}

/** How many lines are as they were written, and why there are no more. */
function read(bytes: Uint8Array): { lines: number; end: RecordingEnd } {
  const tape = readRecording(bytes);
  for (let lines = 0; ; lines++) {
    const next = tape.next();
    if (next.done === true) return { lines, end: next.value };
  }
}

describe('a small file', () => {
  const { bytes, starts, lines } = small();
  const first = starts[1] as number;

  test('is whole', () => {
    expect(bytes.length).toBe((starts.at(-1) as number) + '12345678 {"end":"stopped"}\n'.length);
    expect(lines).toBeGreaterThan(6);
    expect(replayRecording(bytes)).toMatchObject({
      inputs: lines - 2,
      end: 'stopped',
      recordingEnd: { kind: 'complete' },
    });
  });

  test('cut at every octet is read as far as it goes, and tells where it ends', () => {
    for (let length = 0; length < bytes.length; length++) {
      const whole = starts.slice(1).filter((start) => start <= length).length;
      const at = starts[whole] as number;
      const end = at === length ? { kind: 'complete' } : { kind: 'truncated', at, line: whole + 1 };
      expect(read(bytes.subarray(0, length)), `cut to ${length}`).toEqual({ lines: whole, end });
    }
  });

  test('with one octet changed, wherever, is damaged there', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80]) {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ flip;
        const { lines: whole, end } = read(changed);
        const [from, to] = [starts[whole] as number, starts[whole + 1] ?? bytes.length];
        expect(from <= at && at < to, `changed at ${at}`).toBe(true);
        expect(end).toMatchObject({ kind: 'corrupt', at: from, line: whole + 1 });
      }
    }
  });

  test('cut anywhere near the end of a line plays as far as it goes', () => {
    for (const [i, start] of starts.entries())
      for (const length of [start - 1, start, start + 1]) {
        if (length < 0) continue;
        const cut = bytes.subarray(0, length);
        if (length < first) {
          expect(() => replayRecording(cut), `cut to ${length}`).toThrow(AgentError);
          continue;
        }
        const inputs = length < start ? i - 2 : i - 1;
        const kind = length === start ? 'complete' : 'truncated';
        const played = replayRecording(cut);
        expect(played, `cut to ${length}`).toMatchObject({ inputs, end: 'cut', recordingEnd: { kind } });
        expect(played.difference).toBeUndefined();
      }
  });

  test('with a line missing, doubled or out of place is damaged from there on', () => {
    const text = Buffer.from(bytes)
      .toString()
      .split(/(?<=\n)/);
    const at = 3;
    const line = text[at] as string;
    for (const other of [
      text.toSpliced(at, 1),
      text.toSpliced(at, 0, line),
      text.toSpliced(at - 1, 0, line),
    ]) {
      const { recordingEnd: tape } = replayRecording(new Uint8Array(Buffer.from(other.join(''))));
      expect(tape.kind).toBe('corrupt');
    }
  });
});

test('what is no recording, or of a later format, is refused in a sentence', () => {
  const file = (value: unknown) =>
    new Uint8Array(Buffer.from(new RecordingEncoder().encodeLine(toJsonDocument(value))));
  expect(() => replayRecording(file({ hello: 'world' }))).toThrow('no recording of an agent');
  expect(() => replayRecording(file({ what: 'hearsay recording', format: 9, version: '7.0.0' }))).toThrow(
    'use hearsay 7.0.0',
  );
  expect(() => replayRecording(file({ what: 'hearsay recording', format: 1, birth: {} }))).toThrow(
    AgentError,
  );
});

test('values come back as they were', () => {
  const value = {
    bytes: Uint8Array.of(0, 255),
    here: toAddress(Uint8Array.of(10, 0, 0, 7), 7946),
    mapped: toAddress(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 7), 1),
    v6: toAddress(Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5), 2),
    map: new Map<string, unknown>([['__proto__', { deep: [1, new Set(['a'])] }]]),
    never: Number.POSITIVE_INFINITY,
    exact: 0.1 + 0.2,
    none: null,
  };
  expect(fromJson(JSON.parse(JSON.stringify(toJson(value))))).toEqual(value);
  expect(() => fromJson({ $x: 1 })).toThrow('no such value');
});

test('any bytes can be read', () => {
  for (const text of ['', '\n', '\n\n', '00000000 \n', 'deadbeef {}\n', '0 '.repeat(40)]) {
    const read = readRecording(new Uint8Array(Buffer.from(text))).next();
    expect(read.done).toBe(true);
  }
});
