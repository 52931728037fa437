/** A replay makes the same decisions as the recorded agent, and no recording leaks a key. */
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import { type ReplayResult, replayRecording } from '../../../src/replay/player.ts';
import { createStory, type Story } from '../../../src/sim/scenarios/story.ts';
import { formatKey } from '../../../src/wire/crypt.ts';
import { forge, type RecordedRun, recording } from './support.ts';

const KEY = encodeUtf8('a key of 16 byte');
const NEXT = encodeUtf8('the key after it, of 32 bytes...');
const SECRETS = ['swordfish', 'open sesame', 'rosebud', 'xyzzy'];

/** Many kinds of commands, failures and restarts. */
function runEventfully(story: Story): void {
  story.run('3s');
  story.register('ann', 'web-1');
  story.register('bob', 'web-2');
  story.setCheck('ann', 'of-web-1', 'warning', 'password is swordfish');
  story.sendCommand('ann', {
    kind: 'fireEvent',
    name: 'deploy',
    payload: encodeUtf8('open sesame'),
    coalesce: false,
  });
  story.run('2s');
  const question = { name: 'uptime', payload: encodeUtf8('rosebud'), nodes: [], tags: new Map(), ack: true };
  story.sendCommand('cat', { kind: 'query', query: { ...question, relayFactor: 1, timeout: 5000 } });
  story.run('2s');
  for (const query of story.world.host('bob').runningAgent.view.pendingQueries())
    story.sendCommand('bob', { kind: 'respond', id: query.id, payload: encodeUtf8('xyzzy') });
  story.setMaintenance('bob', true, 'web-2');
  story.stop('dan');
  story.run('30s');
  story.restart('dan');
  story.run('10s');
}

function rotateKeys(story: Story): void {
  const keys = (operation: 'install' | 'use' | 'remove' | 'list', key: Uint8Array | undefined) =>
    story.runCommand('ann', { kind: 'keys', operation, key, force: true, timeout: undefined });
  for (const [operation, key] of [
    ['install', NEXT],
    ['use', NEXT],
    ['remove', KEY],
    ['list', undefined],
  ] as const) {
    expect(keys(operation, key).ok).toBe(true);
    story.run('8s');
  }
}

const sameIn = ({ difference, recordingEnd }: ReplayResult): unknown => ({
  difference,
  recordingEnd: recordingEnd.kind,
});
const SAME = { difference: undefined, recordingEnd: 'complete' };
const sinkOf = (runs: readonly RecordedRun[], host: string) =>
  (runs.find((run) => run.host === host) as RecordedRun).sink;

describe.each([
  ['plaintext', [], false],
  ['plaintext, redacted', [], true],
  ['encrypted', [KEY], false],
  ['encrypted, redacted', [KEY], true],
])('%s', (_, keys, redact) => {
  const { runs, makeAgent } = recording(redact);
  const story = createStory('ann bob cat dan', { seed: 7, all: { keys }, makeAgent });
  runEventfully(story);
  if (keys.length > 0) rotateKeys(story);
  story.leave('cat');
  story.run('10s');
  for (const { agent } of runs) agent.stopRecording('stopped');

  test('every run replays to the same decisions', () => {
    expect(runs.map(({ host }) => host)).toEqual(['ann', 'bob', 'cat', 'dan', 'dan']);
    for (const { host, sink } of runs) {
      const played = replayRecording(sink.bytes);
      expect(sameIn(played), host).toEqual(SAME);
      expect(played.header).toMatchObject({ node: host, redacted: redact });
      expect(played.inputs).toBe(sink.lines.length - 2);
      expect(played.decisions).toBeGreaterThan(played.inputs / 2);
      expect(played.end).toBe('stopped');
    }
  });

  test('facts can be read in it', () => {
    const facts = runs
      .filter(({ host }) => host === 'ann')
      .map(({ sink }) => sink.text)
      .join('');
    expect(facts).toContain('fact memberFailed node=dan');
    expect(facts).toContain('fact memberLeft node=cat');
    if (keys.length > 0) expect(facts).toContain('fact keysChanged');
  });

  test('no gossip key is in it, whatever form it takes', () => {
    for (const { sink } of runs) for (const key of [KEY, NEXT]) expect(holds(sink.text, key)).toBe(false);
  });

  test(redact ? 'no payload or output is in it' : 'payloads and outputs are in it', () => {
    const readable = SECRETS.filter((secret) =>
      runs.some(({ sink }) => holds(sink.text, encodeUtf8(secret))),
    );
    expect(readable).toEqual(redact ? [] : SECRETS);
  });
});

/** Raw, in base64, or within any bytes in base64. */
function holds(text: string, secret: Uint8Array): boolean {
  const plain = Buffer.from(secret);
  const looks = [plain, Buffer.from(formatKey(secret))];
  if (looks.some((look) => text.includes(look.toString('latin1')))) return true;
  return [...text.matchAll(/"\$b":"([^"]*)"/g)].some(([, base64 = '']) => {
    const bytes = Buffer.from(base64, 'base64');
    return looks.some((look) => bytes.includes(look));
  });
}

describe('a difference', () => {
  const { runs, makeAgent } = recording(false);
  const story = createStory('ann bob cat dan', { seed: 9, makeAgent });
  runEventfully(story);
  const sink = sinkOf(runs, 'ann');

  test('of the seed is found at the first step that depends on it', () => {
    const { difference } = replayRecording(sink.bytes, { seed: 1 });
    expect(difference).toMatchObject({ step: 1, input: { kind: 'tick' } }); // the first probe draws a random number
    expect(difference?.recorded).not.toBe(difference?.replayed);
  });

  test('in one forged decision is found at its step, with both sides', () => {
    const at = sink.lines.findIndex((line) => line.includes('fact memberSuspected node=dan'));
    const forged = forge(sink.lines, at, (json) =>
      json.replace('fact memberSuspected node=dan', 'fact memberSuspected node=bob'),
    );
    const { difference } = replayRecording(forged);
    expect(difference).toMatchObject({ step: at, line: at + 1 });
    expect(difference?.recorded).toContain('memberSuspected node=bob');
    expect(difference?.replayed).toContain('memberSuspected node=dan');
  });

  test('by one decision more or less is found too', () => {
    const at = sink.lines.findIndex((line) => line.includes('"effects":["sendPacket '));
    const more = forge(sink.lines, at, (json) =>
      json.replace('"effects":[', '"effects":["sendPacket to nobody",'),
    );
    expect(replayRecording(more).difference).toMatchObject({ step: at, recorded: 'sendPacket to nobody' });
    const fewer = forge(sink.lines, at, (json) =>
      json.replace(/"effects":\[.*\],"deadline"/, '"effects":[],"deadline"'),
    );
    expect(replayRecording(fewer).difference).toMatchObject({ step: at });
  });

  test('by one byte of an input is found where it matters', () => {
    const at = sink.lines.findIndex((line) => line.includes('"kind":"packet"') && line.includes('ack'));
    const forged = forge(sink.lines, at, (json) =>
      json.replace(/"packet":\[\{"\$b":"(.)/, '"packet":[{"$b":"/'),
    );
    expect(replayRecording(forged).difference?.step).toBeGreaterThanOrEqual(at);
  });
});
