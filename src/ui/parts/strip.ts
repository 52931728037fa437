/** The last hour as a strip: a tick for each line of the log that means something for members or services. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { LogLine } from '../data/log-line.ts';
import { useNow } from './hooks.ts';
import { plural } from './text.ts';

const HOUR = 3_600_000;
/** Ticks closer than this are one, in thousandths of the strip. */
const RESOLUTION = 4;
const WORST: readonly LogLine['tone'][] = ['quiet', 'good', 'odd', 'bad'];
const HEIGHTS: Readonly<Record<LogLine['tone'], number>> = { quiet: 8, good: 18, odd: 28, bad: 38 };

export function Strip({ lines }: { readonly lines: readonly LogLine[] }): VNode {
  const now = useNow(5000);
  const recent = lines.filter(({ at }) => now - at < HOUR);
  const ticks = new Map<number, LogLine['tone']>();
  for (const { at, tone } of recent) {
    const x = Math.round((1000 * (1 - (now - at) / HOUR)) / RESOLUTION) * RESOLUTION;
    const before = ticks.get(x) ?? 'quiet';
    ticks.set(x, WORST.indexOf(tone) > WORST.indexOf(before) ? tone : before);
  }
  const bad = recent.filter(({ tone }) => tone === 'bad').length;
  const odd = recent.filter(({ tone }) => tone === 'odd').length;
  return html`<figure class="strip">
    <svg viewBox="0 0 1000 48" preserveAspectRatio="none" role="img"
      aria-label=${`The last hour: ${plural(recent.length, 'change')}, ${bad} of them failures and ${odd} warnings`}>
      <line x1="0" x2="1000" y1="47" y2="47" class="axis" />
      ${[...ticks].map(
        ([x, tone]) =>
          html`<line key=${x} x1=${x} x2=${x} y1="46" y2=${46 - HEIGHTS[tone]} class=${`tick ${tone}`} />`,
      )}
    </svg>
    <figcaption><span>an hour ago</span><span>30 min</span><span>now</span></figcaption>
  </figure>`;
}
