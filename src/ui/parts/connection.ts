/** Whether what is shown is what the agent knows now, and else how old it is. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useCluster, useNow } from './hooks.ts';
import { formatClock, toAge } from './text.ts';

/** Shorter interruptions are not worth a word, in milliseconds. */
const GRACE = 1500;

export function ConnectionPill(): VNode {
  const { connection, knownAt } = useCluster();
  const now = useNow(500);
  const lost = connection.kind === 'lost' && now - connection.since > GRACE;
  if (lost)
    return html`<span class="pill bad" title=${connection.reason}>
      <span role="status">No connection</span>${' '}
      ${knownAt !== undefined && html`<span>for ${toAge(now - connection.since)}</span> <span class="wide">· as of ${formatClock(knownAt)}</span>`}
    </span>`;
  if (connection.kind === 'connecting' && knownAt === undefined)
    return html`<span class="pill" role="status">Connecting</span>`;
  return html`<span class="pill good" role="status">Live</span>`;
}
