/** What happens, as it comes: the log of this agent and the user events it received. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LogLevelName } from '../data/log.ts';
import type { LogLine } from '../data/log-line.ts';
import { useCluster, useLog, useNow, usePolled } from '../parts/hooks.ts';
import { Mark } from '../parts/mark.ts';
import { Search } from '../parts/pieces.ts';
import { formatClock } from '../parts/text.ts';
import { nodePath } from '../place.ts';

const MAX_SHOWN = 300;
const MINUTE = 60_000;
const MARKS = { good: 'alive', odd: 'suspect', bad: 'failed', quiet: 'left' };

export function Events(): VNode {
  const log = useLog();
  const now = useNow(5000);
  const [filter, setFilter] = useState('');
  const [frozen, setFrozen] = useState<readonly LogLine[]>();
  const [minutes, setMinutes] = useState(0);
  const until = minutes === 0 ? Number.POSITIVE_INFINITY : now - minutes * MINUTE;
  const lines = (frozen ?? log.lines).filter(
    (line) => line.at <= until && includes(line, filter.toLowerCase()),
  );
  const unseen = frozen === undefined ? 0 : log.lines.length - frozen.length;
  return html`<div class="view">
    <section>
      <div class="tools">
        <h1>Events</h1>
        <${Search} label="Any word of an event" value=${filter} onValue=${setFilter} />
        <button type="button" aria-pressed=${frozen !== undefined} onClick=${() => setFrozen(frozen === undefined ? log.lines : undefined)}>
          ${frozen === undefined ? 'Pause' : `Resume${unseen > 0 ? `, ${unseen} new` : ''}`}
        </button>
      </div>
      <div class="tools">
        <label class="inline">Show
          <select value=${log.level} onChange=${(event: Event) => log.setLevel((event.target as HTMLSelectElement).value as LogLevelName)}>
            <option value="info">what operators read</option>
            <option value="debug">every decision</option>
          </select>
        </label>
        <label class="inline grow">As of
          <input class="grow" type="range" min="-60" max="0" step="1" value=${-minutes}
            aria-valuetext=${minutes === 0 ? 'now' : `${minutes} minutes ago`}
            onInput=${(event: InputEvent) => setMinutes(-Number((event.target as HTMLInputElement).value))} />
          <span class="moment">${minutes === 0 ? 'now' : `${minutes} min ago`}</span>
        </label>
      </div>
      ${log.failure !== undefined && html`<p class="note bad">The log is not followed: ${log.failure}</p>`}
      <ol class="log">${lines
        .slice(-MAX_SHOWN)
        .reverse()
        .map((line) => html`<${Line} key=${line.key} line=${line} />`)}</ol>
      ${lines.length === 0 && html`<p class="quiet">Nothing${filter === '' ? ' yet' : ' with this word'}.</p>`}
      ${lines.length > MAX_SHOWN && html`<p class="note">The last ${MAX_SHOWN} of ${lines.length}: a word finds older ones.</p>`}
    </section>
    <${UserEvents} />
  </div>`;
}

function includes({ message, component, fields }: LogLine, wanted: string): boolean {
  return (
    wanted === '' ||
    [message, component, ...fields.values()].some((text) => text.toLowerCase().includes(wanted))
  );
}

function Line({ line }: { readonly line: LogLine }): VNode {
  const { members } = useCluster();
  return html`<li>
    <time datetime=${new Date(line.at).toISOString()}>${formatClock(line.at)}</time>
    <${Mark} state=${MARKS[line.tone]} />
    <span><strong>${line.message}</strong>${' '}${[...line.fields]
      .filter(([, value]) => value !== '')
      .map(
        ([name, value]) =>
          html`<span key=${name} class="field"><span class="quiet">${name}</span> ${
            name === 'node' && members.has(value) ? html`<a href=${nodePath(value)}>${value}</a>` : value
          }</span> `,
      )}</span>
  </li>`;
}

/** An element of `/v1/event/list`. */
interface UserEventJson {
  readonly ID: string;
  readonly Name: string;
  readonly Payload: string | null;
  readonly LTime: number;
}

function UserEvents(): VNode {
  const { data } = usePolled<readonly UserEventJson[]>('/v1/event/list', 2000);
  const events = (data ?? []).slice(-50).reverse();
  return html`<section aria-labelledby="fired">
    <h2 id="fired">User events</h2>
    <ul class="rows">
      ${events.map(
        ({ ID, Name, Payload, LTime }) =>
          html`<li key=${ID}><strong>${Name}</strong><span class="quiet">Lamport time ${LTime}</span>
          ${Payload !== null && Payload !== '' && html`<pre tabindex="0">${decodeBase64(Payload)}</pre>`}</li>`,
      )}
      ${events.length === 0 && html`<li class="quiet">None since this agent was started.</li>`}
    </ul>
  </section>`;
}

const decodeBase64 = (text: string): string =>
  new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
