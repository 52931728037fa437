/** What an agent decided is decided again by whoever plays its recording; and a recording gives no key away. */
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import { type ReplayResult, replayRecording } from '../../../src/replay/player.ts';
import { createStory, type Story } from '../../../src/sim/scenarios/story.ts';
import { formatKey } from '../../../src/wire/crypt.ts';
import { forgery, type Life, recording } from './support.ts';

const KEY = encodeUtf8('a key of 16 byte');
const NEXT = encodeUtf8('the key after it, of 32 bytes...');
const SECRETS = ['swordfish', 'open sesame', 'rosebud', 'xyzzy'];

/** Everything an agent can be asked, and much of what can befall it. */
function lived(tale: Story): void {
  tale.run('3s');
  tale.register('ann', 'web-1');
  tale.register('bob', 'web-2');
  tale.setCheck('ann', 'of-web-1', 'warning', 'password is swordfish');
  tale.sendCommand('ann', {
    kind: 'fireEvent',
    name: 'deploy',
    payload: encodeUtf8('open sesame'),
    coalesce: false,
  });
  tale.run('2s');
  const question = { name: 'uptime', payload: encodeUtf8('rosebud'), nodes: [], tags: new Map(), ack: true };
  tale.sendCommand('cat', { kind: 'query', query: { ...question, relayFactor: 1, timeout: 5000 } });
  tale.run('2s');
  for (const heard of tale.world.host('bob').runningAgent.view.pendingQueries())
    tale.sendCommand('bob', { kind: 'respond', id: heard.id, payload: encodeUtf8('xyzzy') });
  tale.setMaintenance('bob', true, 'web-2');
  tale.stop('dan');
  tale.run('30s');
  tale.restart('dan');
  tale.run('10s');
}

function rotated(tale: Story): void {
  const keys = (operation: 'install' | 'use' | 'remove' | 'list', key: Uint8Array | undefined) =>
    tale.runCommand('ann', { kind: 'keys', operation, key, force: true, timeout: undefined });
  for (const [operation, key] of [
    ['install', NEXT],
    ['use', NEXT],
    ['remove', KEY],
    ['list', undefined],
  ] as const) {
    expect(keys(operation, key).ok).toBe(true);
    tale.run('8s');
  }
}

const sameIn = ({ difference, recordingEnd: tape }: ReplayResult): unknown => ({
  difference,
  tape: tape.kind,
});
const SAME = { difference: undefined, tape: 'complete' };
const paperOf = (lives: readonly Life[], host: string) =>
  (lives.find((life) => life.host === host) as Life).paper;

describe.each([
  ['plaintext', [], false],
  ['plaintext, redacted', [], true],
  ['encrypted', [KEY], false],
  ['encrypted, redacted', [KEY], true],
])('%s', (_, keys, redact) => {
  const { lives, birth } = recording(redact);
  const tale = createStory('ann bob cat dan', { seed: 7, all: { keys }, makeAgent: birth });
  lived(tale);
  if (keys.length > 0) rotated(tale);
  tale.leave('cat');
  tale.run('10s');
  for (const { agent } of lives) agent.stopRecording('stopped');

  test('every life plays to the same decisions', () => {
    expect(lives.map(({ host }) => host)).toEqual(['ann', 'bob', 'cat', 'dan', 'dan']);
    for (const { host, paper } of lives) {
      const played = replayRecording(paper.bytes);
      expect(sameIn(played), host).toEqual(SAME);
      expect(played.header).toMatchObject({ node: host, redacted: redact });
      expect(played.inputs).toBe(paper.lines.length - 2);
      expect(played.decisions).toBeGreaterThan(played.inputs / 2);
      expect(played.end).toBe('stopped');
    }
  });

  test('what happened can be read in it', () => {
    const facts = lives
      .filter(({ host }) => host === 'ann')
      .map(({ paper }) => paper.text)
      .join('');
    expect(facts).toContain('fact memberFailed node=dan');
    expect(facts).toContain('fact memberLeft node=cat');
    if (keys.length > 0) expect(facts).toContain('fact keysChanged');
  });

  test('no gossip key is in it, whatever form it takes', () => {
    for (const { paper } of lives) for (const key of [KEY, NEXT]) expect(holds(paper.text, key)).toBe(false);
  });

  test(redact ? 'nor is what was said' : 'what was said is', () => {
    const said = SECRETS.filter((secret) => lives.some(({ paper }) => holds(paper.text, encodeUtf8(secret))));
    expect(said).toEqual(redact ? [] : SECRETS);
  });
});

/** As it is, in base64, or inside anything that stands there in base64. */
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
  const { lives, birth } = recording(false);
  const tale = createStory('ann bob cat dan', { seed: 9, makeAgent: birth });
  lived(tale);
  const paper = paperOf(lives, 'ann');

  test('of chance is found at the first step that depends on it', () => {
    const { difference } = replayRecording(paper.bytes, { seed: 1 });
    expect(difference).toMatchObject({ step: 1, input: { kind: 'tick' } }); // it draws when it probes first
    expect(difference?.recorded).not.toBe(difference?.replayed);
  });

  test('of one planted decision is found at its step, with both sides', () => {
    const at = paper.lines.findIndex((line) => line.includes('fact memberSuspected node=dan'));
    const forged = forgery(paper.lines, at, (json) =>
      json.replace('fact memberSuspected node=dan', 'fact memberSuspected node=bob'),
    );
    const { difference } = replayRecording(forged);
    expect(difference).toMatchObject({ step: at, line: at + 1 });
    expect(difference?.recorded).toContain('memberSuspected node=bob');
    expect(difference?.replayed).toContain('memberSuspected node=dan');
  });

  test('of one decision too many or too few is found too', () => {
    const at = paper.lines.findIndex((line) => line.includes('"out":["packet '));
    const more = forgery(paper.lines, at, (json) => json.replace('"out":[', '"out":["packet to nobody",'));
    expect(replayRecording(more).difference).toMatchObject({ step: at, recorded: 'packet to nobody' });
    const fewer = forgery(paper.lines, at, (json) =>
      json.replace(/"out":\[.*\],"wakes"/, '"out":[],"wakes"'),
    );
    expect(replayRecording(fewer).difference).toMatchObject({ step: at });
  });

  test('of one octet in what came is found where it matters', () => {
    const at = paper.lines.findIndex((line) => line.includes('"kind":"packet"') && line.includes('ack'));
    const forged = forgery(paper.lines, at, (json) =>
      json.replace(/"packet":\[\{"\$b":"(.)/, '"packet":[{"$b":"/'),
    );
    expect(replayRecording(forged).difference?.step).toBeGreaterThanOrEqual(at);
  });
});
