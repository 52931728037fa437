/** Alert rules and the dashboard of Grafana use metrics that an agent has, and no other. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { startAgent } from '../../../src/main.ts';
import { httpRequest } from '../../support/http.ts';
import { isInstalled } from '../../support/processes.ts';

const FILES = ['contrib/monitoring/alerts.yaml', 'contrib/monitoring/grafana.json'];

/** Names of families, with the labels of each sample. */
async function exposed(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const flags = {
    node: 'm',
    bind: '127.0.0.1:0',
    http: '127.0.0.1:0',
    dns: '127.0.0.1:0',
    logLevel: 'error',
  };
  const { config } = resolveConfig({ flags, env: {}, files: [], hostname: 'host', terminal: false });
  const running = await startAgent(config);
  onTestFinished(() => running.stop());
  const { body } = await httpRequest('GET', `http://${running.http}/v1/agent/metrics?format=prometheus`);
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of body.matchAll(/^([a-z]\w+)(\{[^}]*\})? /gm)) {
    const known = found.get(name) ?? new Set<string>();
    for (const [label] of labels.matchAll(/\w+="[^"]*"/g)) known.add(label);
    found.set(name, known);
  }
  for (const [, name = ''] of body.matchAll(/^# TYPE (\w+)/gm))
    if (!found.has(name)) found.set(name, new Set());
  return found;
}

test('every metric and every value of a label is one that an agent has', async () => {
  const metrics = await exposed();
  for (const file of FILES) {
    const text = readFileSync(file, 'utf8').replaceAll('\\"', '"');
    const used = [...text.matchAll(/\b((?:hearsay|process|nodejs)_\w+)(\{[^}]*\})?/g)];
    expect(used.length).toBeGreaterThan(10);
    for (const [, name = '', labels = ''] of used) {
      expect([file, name, metrics.has(name)]).toEqual([file, name, true]);
      for (const [label] of labels.matchAll(/\b(?:status|quantile)="[^"]*"/g))
        expect([file, name, label, metrics.get(name)?.has(label)]).toEqual([file, name, label, true]);
    }
  }
});

test('every alert says what it means and what to do', () => {
  const text = readFileSync('contrib/monitoring/alerts.yaml', 'utf8');
  expect(text.match(/- alert:/g)?.length).toBe(text.match(/^ +do: /gm)?.length);
  expect(text.match(/- alert:/g)?.length).toBe(text.match(/^ +summary: /gm)?.length);
});

test.skipIf(!isInstalled('promtool'))('promtool takes the rules (skipped without it)', () => {
  const out = execFileSync('promtool', ['check', 'rules', 'contrib/monitoring/alerts.yaml'], {
    encoding: 'utf8',
  });
  expect(out).toContain('SUCCESS');
});

test('the panels have each a title, a query and a place of their own', () => {
  interface Panel {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
    readonly gridPos: { readonly x: number; readonly y: number };
  }
  const { panels } = JSON.parse(readFileSync('contrib/monitoring/grafana.json', 'utf8')) as {
    panels: Panel[];
  };
  expect(panels.filter(({ title, targets }) => title === '' || targets.length === 0)).toEqual([]);
  expect(new Set(panels.map(({ gridPos }) => `${gridPos.x} ${gridPos.y}`)).size).toBe(panels.length);
});
