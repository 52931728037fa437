/** The map: nodes placed by their network coordinates, so that the distance between two is about their round trip. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { project, roundTripsFrom } from '../data/coordinates.ts';
import type { LiveMember } from '../data/types.ts';
import { useCluster, useCoordinates, usePolled } from '../parts/hooks.ts';
import { type MapLink, MapPainter, type MapPicture } from '../parts/map-painter.ts';
import { State } from '../parts/mark.ts';
import { formatMillis, plural } from '../parts/text.ts';
import { nodePath } from '../place.ts';

/** Of Okabe and Ito: told apart by people who see colors differently. */
const PALETTE = ['#3b8fd4', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#8f7ee6', '#a0a000'];
const OTHER = '#8b919c';
const NEAREST = 10;

/** A row of `/v1/hearsay/warnings`. */
interface WarningJson {
  readonly kind: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function NodeMap(): VNode {
  const cluster = useCluster();
  const members = [...cluster.members.values()].filter(({ status }) => status !== 'left');
  const warnings = usePolled<readonly WarningJson[]>('/v1/hearsay/warnings', 5000).data ?? [];
  const coords = useCoordinates(5000);
  const points = useMemo(() => project(coords), [coords]);
  const keys = groupingKeys(members);
  const [chosen, setKey] = useState<string>();
  const key = chosen ?? (keys.includes('zone') ? 'zone' : keys[0]);
  const groups = [...new Set(members.map(({ tags }) => (key === undefined ? undefined : tags[key])))]
    .filter((value) => value !== undefined)
    .sort();
  const colorOf = ({ tags }: LiveMember): string => PALETTE[groups.indexOf(tags[key ?? ''] ?? '')] ?? OTHER;
  const [selected, setSelected] = useState<string>();
  const self = cluster.self?.name;
  const from = selected ?? self;
  const nearest = roundTripsFrom(from, coords);
  const oneWay = warnings
    .filter(({ kind }) => kind === 'linkOneWay')
    .map(({ fields }) => String(fields['node']));
  const nodes = members.map((one) => ({ ...one, color: colorOf(one), point: points.get(one.name) }));
  const links: MapLink[] = [
    ...nearest
      .slice(0, NEAREST)
      .map(([to, rtt]) => ({ from: from ?? '', to, label: formatMillis(rtt), oneWay: false })),
    ...oneWay
      .filter((to) => points.has(to) && self !== undefined)
      .map((to) => ({ from: self ?? '', to, label: 'one way', oneWay: true })),
  ];
  const unplaced = nodes.filter(({ point }) => point === undefined).length;
  return html`<div class="view"><section>
    <div class="tools">
      <h1>Map</h1>
      <span class="note grow">The distance between two nodes is about their round trip.${unplaced > 0 && ` At the bottom: ${plural(unplaced, 'node')} without a coordinate.`}</span>
      ${
        keys.length > 0 &&
        html`<label class="inline">Color by
          <select value=${key} onChange=${(event: Event) => setKey((event.target as HTMLSelectElement).value)}>${keys.map((one) => html`<option key=${one}>${one}</option>`)}</select>
        </label>`
      }
    </div>
    <ul class="legend">${groups.slice(0, PALETTE.length).map((group, i) => html`<li key=${group}><svg viewBox="0 0 12 12" class="mark" aria-hidden="true"><circle cx="6" cy="6" r="5" fill=${PALETTE[i]} /></svg>${group}</li>`)}</ul>
    <${MapCanvas} nodes=${nodes} links=${links} self=${self} selected=${selected} onSelect=${setSelected} />
    ${from !== undefined && html`<${Neighbors} from=${from} member=${cluster.members.get(from)} nearest=${nearest} onSelect=${setSelected} />`}
  </section></div>`;
}

/** Tags that tell groups of nodes apart: not the same everywhere, and not different everywhere. */
function groupingKeys(members: readonly LiveMember[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const { tags } of members)
    for (const [key, value] of Object.entries(tags))
      values.set(key, (values.get(key) ?? new Set()).add(value));
  return [...values]
    .filter(([, set]) => set.size > 1 && set.size <= PALETTE.length)
    .map(([key]) => key)
    .sort();
}

interface NeighborsProps {
  readonly from: string;
  readonly member: LiveMember | undefined;
  readonly nearest: readonly (readonly [string, number])[];
  readonly onSelect: (name: string) => void;
}

function Neighbors({ from, member, nearest, onSelect }: NeighborsProps): VNode {
  return html`<div class="neighbors">
    <h2><a href=${nodePath(from)}>${from}</a> ${member !== undefined && html`<${State} state=${member.status} />`}</h2>
    <p class="note">${nearest.length === 0 ? 'No coordinate of it is known: it has answered no probe of this agent.' : `The nearest of ${plural(nearest.length, 'node')}:`}</p>
    <p class="buttons">${nearest.slice(0, NEAREST).map(([name, rtt]) => html`<button key=${name} type="button" class="small" onClick=${() => onSelect(name)}>${name} <span class="quiet">${formatMillis(rtt)}</span></button>`)}</p>
  </div>`;
}

interface MapCanvasProps extends MapPicture {
  readonly onSelect: (name: string | undefined) => void;
}

function MapCanvas({ nodes, links, self, selected, onSelect }: MapCanvasProps): VNode {
  const element = useRef<HTMLCanvasElement>(null);
  const painter = useRef<MapPainter>(null);
  useEffect(() => {
    const canvas = element.current;
    if (canvas === null) return;
    painter.current = new MapPainter(canvas);
    const observer = new ResizeObserver(() => painter.current?.redraw());
    observer.observe(canvas);
    const end = new AbortController();
    const { signal } = end;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', painter.current.redraw, { signal });
    followPointer(canvas, painter.current, onSelect, signal);
    return () => {
      observer.disconnect();
      end.abort();
    };
  }, [onSelect]);
  useEffect(() => painter.current?.show({ nodes, links, self, selected }));
  const press = (event: KeyboardEvent): void => {
    const moves: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => painter.current?.pan(40, 0),
      ArrowRight: () => painter.current?.pan(-40, 0),
      ArrowUp: () => painter.current?.pan(0, 40),
      ArrowDown: () => painter.current?.pan(0, -40),
      '+': () => painter.current?.zoom(1.3),
      '=': () => painter.current?.zoom(1.3),
      '-': () => painter.current?.zoom(1 / 1.3),
      '0': () => painter.current?.fit(),
      Escape: () => onSelect(undefined),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    move();
    event.preventDefault();
  };
  const label = `A map of ${plural(nodes.length, 'node')}. Arrow keys move it, plus and minus zoom, 0 shows all.`;
  return html`<div class="map">
    <canvas ref=${element} tabindex="0" role="img" aria-label=${label} onKeyDown=${press}></canvas>
    <div class="buttons">
      <button type="button" class="small" aria-label="Zoom in" onClick=${() => painter.current?.zoom(1.4)}>+</button>
      <button type="button" class="small" aria-label="Zoom out" onClick=${() => painter.current?.zoom(1 / 1.4)}>−</button>
      <button type="button" class="small" onClick=${() => painter.current?.fit()}>All</button>
    </div>
  </div>`;
}

/** Dragging moves, the wheel zooms, a click selects. */
function followPointer(
  canvas: HTMLCanvasElement,
  painter: MapPainter,
  onSelect: (name: string | undefined) => void,
  signal: AbortSignal,
): void {
  const on = <K extends keyof HTMLElementEventMap>(
    kind: K,
    take: (event: HTMLElementEventMap[K]) => void,
  ): void => canvas.addEventListener(kind, take, { signal, passive: false });
  let last: { x: number; y: number; moved: number } | undefined;
  on('pointerdown', (event) => {
    last = { x: event.clientX, y: event.clientY, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  });
  on('pointermove', (event) => {
    if (last === undefined) {
      canvas.style.cursor = painter.nodeAt(event.offsetX, event.offsetY) === undefined ? 'grab' : 'pointer';
      return;
    }
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    last = { x: event.clientX, y: event.clientY, moved: last.moved + Math.abs(dx) + Math.abs(dy) };
    painter.pan(dx, dy);
  });
  on('pointerup', (event) => {
    if (last !== undefined && last.moved < 4) onSelect(painter.nodeAt(event.offsetX, event.offsetY));
    last = undefined;
  });
  on('wheel', (event) => {
    event.preventDefault();
    const at = { x: event.offsetX - canvas.clientWidth / 2, y: event.offsetY - canvas.clientHeight / 2 };
    painter.zoom(Math.exp(-event.deltaY / 400), at);
  });
}
