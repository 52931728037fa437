/**
 * The dashboard with 1,000 nodes of ten services each, in a real Chromium. The figures depend on the machine, so they are
 * printed; the limits only tell a page that works from one that stands still.
 */
import { describe, expect, test } from 'vitest';
import { toAddress } from '../../src/base/address.ts';
import { createUiLoader } from '../../src/http/endpoint/reply/ui-files.ts';
import { hasChromium, openBrowser } from '../support/browser.ts';
import { instance, service } from '../unit/http/data.ts';
import { FakeAgent, INFO, member, portOf, serve } from '../unit/http/fixture.ts';

const NODES = 1000;
const SERVICES = 10;

function largeCluster(): FakeAgent {
  const agent = new FakeAgent();
  for (let i = 0; i < NODES; i++) {
    const name = i === 0 ? 'ann' : `node-${i}`;
    const address = toAddress(Uint8Array.of(10, 0, i >> 8, i & 255), 7946);
    const status = i % 97 === 96 ? 'failed' : i % 101 === 100 ? 'suspect' : 'alive';
    const zone = `z${i % 5}`;
    agent.rows.set(name, member(name, { address, status, tags: new Map([['zone', zone]]) }));
    const angle = (2 * Math.PI * (i % 5)) / 5;
    const spread = (n: number): number => 0.004 * Math.sin(i * n);
    const vec = [
      0.02 * Math.cos(angle) + spread(7),
      0.02 * Math.sin(angle) + spread(13),
      ...Array(6).fill(0),
    ];
    agent.coordinates.set(name, { vec, error: 0.1, adjustment: 0, height: 1e-5 });
    for (let s = 0; s < SERVICES; s++)
      agent.catalog.held.push(
        instance(name, service(`service-${s}`, { id: `service-${s}-${i}`, port: 8000 + s, tags: [zone] })),
      );
  }
  return agent;
}

describe.skipIf(!hasChromium)('1,000 nodes (skipped where chromium is not installed)', () => {
  test('are shown, filtered and drawn', async () => {
    const agent = largeCluster();
    const info = { ...INFO, logs: { follow: () => () => undefined } };
    const server = await serve(agent, { info, ui: createUiLoader() });
    const origin = `http://127.0.0.1:${portOf(server)}`;
    const { page, problems, close } = await openBrowser(origin);
    try {
      await page.goto(`${origin}/ui/map`); // the browser itself is warm then
      const startedAt = performance.now();
      await page.goto(`${origin}/ui/`);
      await page.getByText('1,000', { exact: true }).waitFor();
      const first = performance.now() - startedAt;

      await page.getByRole('link', { name: 'Nodes' }).first().click();
      await page.getByText('1,000 nodes').waitFor();
      await page.getByRole('searchbox').fill('node-999');
      await page.getByText('1 of 1,000 nodes').waitFor();

      await page.goto(`${origin}/ui/map`);
      await page.getByText('The nearest of 999 nodes').waitFor();
      const times = (await page.evaluate(`new Promise((resolve) => {
        const canvas = document.querySelector('canvas');
        const times = [];
        const step = (at) => {
          times.push(at);
          canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: times.length % 40 < 20 ? 8 : -8 }));
          if (times.length < 180) requestAnimationFrame(step);
          else resolve(times);
        };
        requestAnimationFrame(step);
      })`)) as number[];
      const gaps = times
        .slice(1)
        .map((at, i) => at - (times[i] ?? 0))
        .sort((a, b) => a - b);
      const frames = (1000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0);
      const slowest = gaps[Math.floor(gaps.length * 0.95)] ?? 0;
      const heap = (await page.evaluate('performance.memory?.usedJSHeapSize ?? 0')) as number;
      console.log(
        `first view ${first.toFixed(0)} ms; map ${frames.toFixed(0)} frames a second, 95 % of frames within ${slowest.toFixed(0)} ms; page ${(heap / 1e6).toFixed(0)} MB`,
      );
      expect(first).toBeLessThan(10_000);
      expect(frames).toBeGreaterThan(5);
      expect(problems).toEqual([]);
    } finally {
      await close();
    }
  });
});
