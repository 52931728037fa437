/** What each agent says of each instance, as a matrix that is asked for: one that disagrees is one odd mark among dots. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { type Agreement, askAll, type SyncStatusReport } from '../../doctor/agreement.ts';
import { getApi } from '../data/api.ts';
import type { LiveInstance } from '../data/types.ts';
import { useCluster } from '../parts/hooks.ts';
import { Mark, State } from '../parts/mark.ts';
import { Failure } from '../parts/pieces.ts';
import { formatClock, plural, toAge } from '../parts/text.ts';

type Answer = Agreement<LiveInstance> & { readonly at: number };

interface MatrixProps {
  readonly name: string;
  readonly instances: readonly LiveInstance[];
  /** For how long this agent has seen an instance as it is, in milliseconds. */
  readonly sinceOf: (one: LiveInstance) => number | null | undefined;
}

export function Matrix({ name, instances, sinceOf }: MatrixProps): VNode {
  const { members } = useCluster();
  const [answer, setAnswer] = useState<Answer | Error | 'asking'>();
  const others = [...members.values()].filter(({ self, status }) => !self && status !== 'left');
  const agents = others.map((member) => member.name);
  const ask = async (): Promise<void> => {
    if (answer === 'asking') return;
    setAnswer('asking');
    const asked = askAll(name, instances, agents, getApi<SyncStatusReport>);
    setAnswer(await asked.then((one) => ({ ...one, at: Date.now() })).catch((error: Error) => error));
  };
  const label = answer === 'asking' ? 'Asking …' : answer === undefined ? 'Ask all agents' : 'Ask again';
  return html`<section aria-labelledby="agents">
    <div class="tools"><h2 id="agents">What each agent says</h2><button type="button" onClick=${ask}>${label}</button></div>
    ${answer instanceof Error && html`<${Failure} error=${answer} />`}
    ${typeof answer === 'object' && 'at' in answer && html`<${Grid} answer=${answer} sinceOf=${sinceOf} />`}
  </section>`;
}

const MARKS: Readonly<Record<string, string>> = {
  ...{ silent: 'failed', failed: 'failed', behind: 'suspect', readers: 'suspect', away: 'away' },
};

interface GridProps extends Pick<MatrixProps, 'sinceOf'> {
  readonly answer: Answer;
}

/** One cell is in the order of the Tab key; arrows lead to the others, and the line below says what the cell means. */
function Grid({ answer, sinceOf }: GridProps): VNode {
  const { at, sentence, rows, agents, agentCount, odd } = answer;
  const oddAt = (row: number, agent = '') => odd.get(rows[row]?.node ?? '')?.get(agent);
  const firstRow = rows.findIndex((_, i) => agents.some((agent) => oddAt(i, agent)));
  const firstColumn = agents.findIndex((agent) => oddAt(firstRow, agent));
  const [[row, column], select] = useState([Math.max(0, firstRow), Math.max(0, firstColumn)] as const);
  const point = ({ target }: Event): void => {
    const cell = (target as Element).closest('td');
    if (cell !== null) select([(cell.parentElement as HTMLTableRowElement).rowIndex - 1, cell.cellIndex - 1]);
  };
  const press = (event: KeyboardEvent): void => {
    const { key, currentTarget } = event;
    if (!key.startsWith('Arrow')) return;
    event.preventDefault();
    const y = row + 1 + Number(key === 'ArrowDown') - Number(key === 'ArrowUp');
    const x = column + Number(key === 'ArrowRight') - Number(key === 'ArrowLeft');
    (currentTarget as HTMLTableElement).rows[y]?.querySelectorAll('td')[x]?.focus();
  };
  const say = (one: LiveInstance, agent: string): string => {
    const since = sinceOf(one);
    const status = `${one.status}${typeof since === 'number' ? ` for ${toAge(since)}` : ''}`;
    const voice = oddAt(row, agent);
    if (voice === undefined) return `${agent} says the same of ${one.id} as this agent: ${status}.`;
    return `${voice.message}. This agent says of ${one.id}: ${status}.`;
  };
  const cell = (y: number, x: number, name: string): VNode => {
    const reason = oddAt(y, name)?.reason;
    const mark = reason === undefined ? html`<i></i>` : html`<${Mark} state=${MARKS[reason] ?? 'left'} />`;
    return html`<td tabindex=${y === row && x === column ? 0 : -1} aria-label=${`${name}: ${reason ?? 'the same'}`}>${mark}</td>`;
  };
  const [one, agent] = [rows[row], agents[column]];
  return html`<p>${sentence}. <span class="quiet">As of ${formatClock(at)}.</span></p>
    ${
      one !== undefined &&
      agent !== undefined &&
      html`<p class="quiet" role="status">${say(one, agent)}</p>
      <div class="sheet matrix"><table role="grid" aria-label="Instances and agents" onMouseOver=${point} onFocusIn=${point} onKeyDown=${press}>
        <thead><tr><th scope="col">Instance</th>${agents.map((name) => html`<th key=${name} scope="col"><span>${name}</span></th>`)}</tr></thead>
        <tbody>${rows.map(
          ({ id, status }, y) =>
            html`<tr><th scope="row"><${State} state=${status} /> ${id}</th>${agents.map((name, x) => cell(y, x, name))}</tr>`,
        )}</tbody>
      </table></div>
      <p class="note">A dot: that agent serves the same as this one; <${Mark} state="suspect" /> something older; <${Mark} state="failed" /> it is not heard. ${agentCount > agents.length && `Shown are ${agents.length} of ${plural(agentCount, 'other agent')}, those that differ first.`}</p>`
    }`;
}
