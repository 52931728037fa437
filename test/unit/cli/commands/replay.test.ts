/** `hearsay replay`: output and exit code for recordings that are whole, truncated, corrupt, or decided differently. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createStory } from '../../../../src/sim/scenarios/story.ts';
import { forge, recording } from '../../replay/support.ts';
import { hearsay } from '../helper.ts';

const dir = mkdtempSync(join(tmpdir(), 'hearsay-replay-'));
afterAll(() => rmSync(dir, { recursive: true }));

const { runs, makeAgent } = recording(true);
const story = createStory('ann bob cat', { seed: 8, makeAgent });
story.setTags('ann', { role: 'web' });
story.stop('cat');
story.run('40s');
const { agent, sink } = runs[0] as (typeof runs)[number];
agent.stopRecording('stopped');

function written(name: string, bytes: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

describe('replay', () => {
  const whole = written('whole.rec', sink.bytes);

  test('prints how much was the same, and exits 0', async () => {
    const { code, out, err } = await hearsay(['replay', whole]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^ann \(hearsay [\d.]+, redacted\), [\d.]+s: \d+ inputs, \d+ decisions, all the same\n$/,
    );
  });

  test('--facts prints commands and facts; --from and --until limit them', async () => {
    const { out } = await hearsay(['replay', whole, '--facts']);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^\d+\.\d{3} ann ! agentStarted node=ann/);
    expect(out).toMatch(/ ann \? setTags\n/);
    expect(out).toMatch(/ ann ! memberFailed node=cat\n/);
    const failed = Number(/([\d.]+) ann ! memberFailed/.exec(out)?.[1]);
    const later = await hearsay(['replay', whole, '--facts', '--from', `${failed - 0.001}s`]);
    expect(later.out).toContain('memberFailed node=cat');
    expect(later.out).not.toContain('agentStarted');
    const before = await hearsay(['replay', whole, '--facts', '--until', `${failed - 0.001}s`]);
    expect(before.out).not.toContain('memberFailed node=cat');
  });

  test('--json is one document', async () => {
    const { code, out } = await hearsay(['replay', whole, '--facts', '--json']);
    const document = JSON.parse(out);
    expect(code).toBe(0);
    expect(document).toMatchObject({ node: 'ann', redacted: true, same: true, end: 'stopped' });
    expect(document.inputs).toBe(sink.lines.length - 2);
    expect(document.facts[0]).toMatchObject({
      isCommand: false,
      text: expect.stringContaining('agentStarted'),
    });
    expect(document).not.toHaveProperty('difference');
  });

  test('a difference is shown with both sides, and exits 1', async () => {
    const at = sink.lines.findIndex((line) => line.includes('fact memberFailed node=cat'));
    const forged = written(
      'forged.rec',
      forge(sink.lines, at, (json) => json.replace('memberFailed node=cat', 'memberFailed node=eve')),
    );
    const { code, out } = await hearsay(['replay', forged]);
    expect(code).toBe(1);
    expect(out).toContain(`first difference at input ${at} (`);
    expect(out).toContain(`${forged} line ${at + 1} (byte `);
    expect(out).toContain(' recorded: fact memberFailed node=eve\n replayed: fact memberFailed node=cat\n');
    const json = JSON.parse((await hearsay(['replay', forged, '--json'])).out);
    expect(json).toMatchObject({
      same: false,
      difference: { input: at, line: at + 1, recorded: 'fact memberFailed node=eve' },
    });
    expect((await hearsay(['replay', whole, '--seed', '1'])).code).toBe(1);
  });

  test('a changed byte is found, and exits 78', async () => {
    const bytes = sink.bytes;
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] as number) ^ 1;
    const { code, out } = await hearsay(['replay', written('damaged.rec', bytes)]);
    expect(code).toBe(78);
    const [, from, to] = /corrupt in line \d+ \(bytes (\d+) to (\d+)\)/.exec(out) ?? [];
    expect(Number(from)).toBeLessThanOrEqual(middle);
    expect(Number(to)).toBeGreaterThanOrEqual(middle);
    expect(out).toContain('all the same');
  });

  test('a truncated end is reported, and is not a failure', async () => {
    const cut = await hearsay(['replay', written('cut.rec', sink.bytes.subarray(0, -30))]);
    expect(cut.code).toBe(0);
    expect(cut.out).toMatch(
      /truncated in line \d+ \(byte \d+\): the agent was killed, or the file was cut\n$/,
    );
    const lines = sink.lines.slice(0, -1).join('');
    const killed = await hearsay(['replay', written('killed.rec', new Uint8Array(Buffer.from(lines)))]);
    expect([killed.code, killed.out]).toEqual([0, expect.stringContaining('the last line is missing')]);
  });

  test('what is not a recording is refused', async () => {
    expect(await hearsay(['replay', join(dir, 'none')])).toMatchObject({
      code: 78,
      err: `hearsay: ${join(dir, 'none')}: no such file\n`,
    });
    const calls = written('calls', new Uint8Array(Buffer.from('dear calls\n')));
    expect(await hearsay(['replay', calls])).toMatchObject({ code: 78, out: '' });
    expect((await hearsay(['replay', whole, '--from', 'noon'])).code).toBe(2);
    expect((await hearsay(['replay'])).code).toBe(2);
  });
});
