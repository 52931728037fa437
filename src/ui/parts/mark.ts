/** Marks of states. Each has a shape of its own, so that no color is needed to tell them apart. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { toGroups } from './text.ts';

export type Tone = 'good' | 'odd' | 'bad' | 'quiet';

interface StateLook {
  readonly tone: Tone;
  readonly shape: 'disc' | 'triangle' | 'cross' | 'ring' | 'half';
}

const STATES: Readonly<Record<string, StateLook>> = {
  alive: { tone: 'good', shape: 'disc' },
  suspect: { tone: 'odd', shape: 'triangle' },
  away: { tone: 'quiet', shape: 'half' },
  leaving: { tone: 'quiet', shape: 'half' },
  left: { tone: 'quiet', shape: 'ring' },
  failed: { tone: 'bad', shape: 'cross' },
  passing: { tone: 'good', shape: 'disc' },
  warning: { tone: 'odd', shape: 'triangle' },
  maintenance: { tone: 'quiet', shape: 'half' },
  draining: { tone: 'quiet', shape: 'ring' },
  critical: { tone: 'bad', shape: 'cross' },
  held: { tone: 'good', shape: 'disc' },
  moving: { tone: 'odd', shape: 'triangle' },
  free: { tone: 'bad', shape: 'cross' },
};

const UNKNOWN: StateLook = { tone: 'quiet', shape: 'ring' };
export const lookOf = (state: string): StateLook => STATES[state] ?? UNKNOWN;

const SHAPES: Readonly<Record<StateLook['shape'], () => VNode>> = {
  disc: () => html`<circle cx="6" cy="6" r="5" />`,
  triangle: () => html`<path d="M6 .8 11.6 11H.4z" />`,
  cross: () => html`<path d="M2 0 6 4l4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4-4-4z" />`,
  ring: () => html`<circle cx="6" cy="6" r="4" class="hollow" />`,
  half: () =>
    html`<g><circle cx="6" cy="6" r="4.2" class="hollow" /><path d="M6 1.8a4.2 4.2 0 0 1 0 8.4z" /></g>`,
};

/** The shape alone, for places where the word stands beside it. */
export function Mark({ state }: { readonly state: string }): VNode {
  const { tone, shape } = lookOf(state);
  return html`<svg class=${`mark ${tone}`} viewBox="0 0 12 12" aria-hidden="true">${SHAPES[shape]()}</svg>`;
}

export const State = ({ state }: { readonly state: string }): VNode =>
  html`<span class="state"><${Mark} state=${state} />${state}</span>`;

interface StateCountsProps {
  readonly rows: readonly { readonly status: string }[];
  /** Whether the words are seen, or only read out. */
  readonly words?: boolean;
}

/** How many rows have each state, in the order in which states are declared: as a bar with parts of that length, and in figures. */
export function StateCounts({ rows, words = false }: StateCountsProps): VNode {
  const counts = new Map(Object.keys(STATES).map((state) => [state, 0]));
  for (const { status } of rows) counts.set(status, (counts.get(status) ?? 0) + 1);
  const shown = [...counts].filter(([, count]) => count > 0);
  return html`<div class="bar" aria-hidden="true">
      ${shown.map(([state, count]) => html`<span key=${state} class=${lookOf(state).tone} style=${{ flexGrow: String(count) }}></span>`)}
    </div>
    <span class="counts">
      ${shown.map(
        ([state, count]) =>
          html`<span class="count" key=${state} title=${`${count} ${state}`}
          ><${Mark} state=${state} />${toGroups(count)} <span class=${words ? 'quiet' : 'unseen'}>${state}</span></span
        >`,
      )}
    </span>`;
}
