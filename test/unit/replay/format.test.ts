/** The file of a recording, truncated at every byte and changed at every byte. */
import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../src/base/address.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { VERSION } from '../../../src/base/version.ts';
import {
  RecordingEncoder,
  type RecordingEnd,
  readRecording,
  toJsonDocument,
} from '../../../src/replay/format.ts';
import { fromJson, toJson } from '../../../src/replay/json-codec.ts';
import { replayRecording } from '../../../src/replay/player.ts';
import { RECORDING_FORMAT, RECORDING_MAGIC } from '../../../src/replay/recorder.ts';
import { createStory } from '../../../src/sim/scenarios/story.ts';
import { forge, recording } from './support.ts';

/** A short recording, and the offset of each line. */
function small(): { bytes: Uint8Array; starts: number[]; lines: number } {
  const { runs, makeAgent } = recording(false);
  createStory('ann bob', { seed: 3, makeAgent }).run('1s');
  const { sink } = runs[0] as (typeof runs)[number];
  const lines = [
    ...sink.lines.slice(0, 9),
    new RecordingEncoder().encodeLine(toJsonDocument({ end: 'stopped' })),
  ];
  let at = 0;
  const starts = lines.map((line) => {
    at += line.length;
    return at - line.length;
  });
  return { bytes: forge(lines, -1, String), starts, lines: lines.length };
}

/** How many lines are valid, and why there are no more. */
function read(bytes: Uint8Array): { lines: number; end: RecordingEnd } {
  const recording = readRecording(bytes);
  for (let lines = 0; ; lines++) {
    const next = recording.next();
    if (next.done === true) return { lines, end: next.value };
  }
}

describe('a small file', () => {
  const { bytes, starts, lines } = small();
  const first = starts[1] as number;

  test('is complete', () => {
    expect(bytes.length).toBe((starts.at(-1) as number) + '12345678 {"end":"stopped"}\n'.length);
    expect(lines).toBeGreaterThan(6);
    expect(replayRecording(bytes)).toMatchObject({
      inputs: lines - 2,
      end: 'stopped',
      recordingEnd: { kind: 'complete' },
    });
  });

  test('truncated at every byte is read as far as it goes, and reports where it ends', () => {
    for (let length = 0; length < bytes.length; length++) {
      const complete = starts.slice(1).filter((start) => start <= length).length;
      const at = starts[complete] as number;
      const end = at === length ? { kind: 'complete' } : { kind: 'truncated', at, line: complete + 1 };
      expect(read(bytes.subarray(0, length)), `cut to ${length}`).toEqual({ lines: complete, end });
    }
  });

  test('with one byte changed, wherever, is corrupt there', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80]) {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ flip;
        const { lines: complete, end } = read(changed);
        const [from, to] = [starts[complete] as number, starts[complete + 1] ?? bytes.length];
        expect(from <= at && at < to, `changed at ${at}`).toBe(true);
        expect(end).toMatchObject({ kind: 'corrupt', at: from, line: complete + 1 });
      }
    }
  });

  test('truncated near the end of a line replays as far as it goes', () => {
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

  test('with a line missing, doubled or moved is corrupt from there on', () => {
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
      const { recordingEnd } = replayRecording(new Uint8Array(Buffer.from(other.join(''))));
      expect(recordingEnd.kind).toBe('corrupt');
    }
  });
});

test('a file that is no recording, or has an older or a later format, is refused with the version that replays it', () => {
  const file = (value: unknown) =>
    new Uint8Array(Buffer.from(new RecordingEncoder().encodeLine(toJsonDocument(value))));
  expect(() => replayRecording(file({ hello: 'world' }))).toThrow('it is not a recording');
  for (const format of [1, RECORDING_FORMAT + 1])
    expect(() => replayRecording(file({ what: RECORDING_MAGIC, format, version: '7.0.0' }))).toThrow(
      `it has recording format ${format}, and this hearsay (${VERSION}) replays format ${RECORDING_FORMAT} only: ` +
        'replay it with the build that recorded it, hearsay 7.0.0',
    );
  expect(() =>
    replayRecording(file({ what: RECORDING_MAGIC, format: RECORDING_FORMAT, options: {} })),
  ).toThrow('no agent can start with the options in its first line');
});

test('values survive JSON exactly', () => {
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
