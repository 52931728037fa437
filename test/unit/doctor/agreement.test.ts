/** Which agents serve what of a service, from sync statuses; and the sentence about agents that disagree, from findings. */
import { describe, expect, test } from 'vitest';
import { askAll, type OddVoice, type SyncStatusReport } from '../../../src/doctor/agreement.ts';
import { describeDissent } from '../../../src/doctor/disagreement.ts';
import type { DoctorFinding } from '../../../src/doctor/finding.ts';

const voice = (node: string, reason: string): OddVoice => ({ node, reason, message: `${node} is ${reason}` });
const status = (missing: readonly OddVoice[], apart: readonly OddVoice[] = []): SyncStatusReport => ({
  sentence: 'some know',
  ...{ missing, apart },
});
const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('a matrix', () => {
  const WHOLE = '/v1/hearsay/sync-status/web%2F1?wait=2s';
  const ask = async (replies: Record<string, SyncStatusReport>, nodes = ['a', 'b']) => {
    const asked: string[] = [];
    const get = async (path: string): Promise<SyncStatusReport> => {
      asked.push(path);
      const reply = replies[path];
      if (reply === undefined) throw new Error(`nothing at ${path}`);
      return reply;
    };
    const instances = nodes.map((node) => ({ node }));
    const { odd } = await askAll('web/1', instances, ['a', 'b', 'c'], get);
    const cells = nodes.map((node) => [node, ...[...(odd.get(node)?.keys() ?? [])].sort()]);
    return { asked, cells };
  };

  test('takes one question where all serve it, or are silent, or do not take part', async () => {
    const { asked, cells } = await ask({ [WHOLE]: status([voice('c', 'silent')], [voice('d', 'serf')]) });
    expect(asked).toEqual([WHOLE]);
    expect(cells).toEqual([
      ['a', 'c', 'd'],
      ['b', 'c', 'd'],
    ]);
  });

  test('asks node by node what an agent lacks that has a part of it', async () => {
    const { asked, cells } = await ask({
      [WHOLE]: status([voice('c', 'behind'), voice('d', 'silent')]),
      '/v1/hearsay/sync-status/a?wait=300ms&node': status([]),
      '/v1/hearsay/sync-status/b?wait=300ms&node': status([voice('c', 'behind')]),
    });
    expect(asked.length).toBe(3);
    expect(cells).toEqual([
      ['a', 'd'],
      ['b', 'c', 'd'],
    ]);
  });

  test('keeps what was said of the whole where a node has gone in the meantime', async () => {
    const { cells } = await ask({
      [WHOLE]: status([voice('c', 'readers')]),
      '/v1/hearsay/sync-status/a?wait=300ms&node': status([]),
    });
    expect(cells).toEqual([['a'], ['b', 'c']]);
  });

  test('asks once where all instances are on one node', async () => {
    expect((await ask({ [WHOLE]: status([voice('c', 'behind')]) }, ['a', 'a'])).asked).toEqual([WHOLE]);
  });

  test('is bounded, and shows those that differ', async () => {
    const asked: string[] = [];
    const get = async (path: string): Promise<SyncStatusReport> => {
      asked.push(path);
      return status([voice('n998', 'behind')]);
    };
    const agents = numbered('n', 1000);
    const result = await askAll(
      'web',
      agents.map((node) => ({ node })),
      agents,
      get,
    );
    expect([result.rows.length, result.agents.length, result.agentCount]).toEqual([40, 60, 1000]);
    expect(result.agents).toContain('n998');
    expect(asked.length).toBe(41);
  });

  test('rejects with what the agent refuses', async () => {
    await expect(ask({})).rejects.toThrow('nothing at');
  });
});

describe('the sentence about agents that disagree', () => {
  const finding = (code: string, ...nodes: string[]): DoctorFinding => ({
    ...{ layer: 'cluster', code, severity: 'error', nodes, sentence: '', evidence: [], fix: '' },
  });

  test('names each with the reason of the worst finding', () => {
    expect(
      describeDissent([finding('hung', 'cara'), finding('oneWay', 'bob', 'cara'), finding('loss', 'dora')]),
    ).toBe('Agents that may disagree with the others: cara (does not answer), bob (UDP is dropped).');
  });

  test('is silent where nobody does: a member that failed says nothing at all', () => {
    expect(describeDissent([])).toBe('');
    expect(describeDissent([finding('failed', 'bob'), finding('serviceDown')])).toBe('');
  });

  test('names those on the other side of a partition', () => {
    expect(describeDissent([finding('partition', 'ann'), finding('failed', 'bob')])).toBe(
      'Agents that may disagree with the others: ann (sees a part of the cluster), bob (is out of sight).',
    );
  });

  test('stays short', () => {
    expect(describeDissent(numbered('n', 9).map((name) => finding('hung', name)))).toMatch(/ and 3 more\.$/);
  });
});
