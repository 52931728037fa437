/** Draws nodes on a canvas: one path for each color and shape, so that 1,000 of them cost a few milliseconds a frame. */
import type { Point } from '../data/coordinates.ts';
import { lookOf } from './mark.ts';

export interface MapNode {
  readonly name: string;
  readonly status: string;
  readonly color: string;
  /** Where it belongs, in milliseconds; absent: no coordinate of it is known. */
  readonly point: Point | undefined;
}

export interface MapLink {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Packets pass in one direction only. */
  readonly oneWay: boolean;
}

export interface MapPicture {
  readonly nodes: readonly MapNode[];
  readonly links: readonly MapLink[];
  readonly self: string | undefined;
  readonly selected: string | undefined;
}

/** The part of the way to its place that a node goes in a frame. */
const EASE = 0.16;
const RADIUS = 5;
const MARGIN = 48;
/** More names would cover each other. */
const MAX_NAMES = 40;

export class MapPainter {
  readonly #canvas: HTMLCanvasElement;
  readonly #at = new Map<string, { x: number; y: number }>();
  #picture: MapPicture = { nodes: [], links: [], self: undefined, selected: undefined };
  #scale = 1;
  #center = { x: 0, y: 0 };
  #fitted = false;
  #frame = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  show(picture: MapPicture): void {
    this.#picture = picture;
    if (!this.#fitted && picture.nodes.some(({ point }) => point !== undefined)) this.fit();
    this.redraw();
  }

  redraw = (): void => {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  };

  /** All nodes in sight. */
  fit(): void {
    const points = this.#picture.nodes.flatMap(({ point }) => (point === undefined ? [] : [point]));
    const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const { clientWidth, clientHeight } = this.#canvas;
    const fitting = Math.min(
      (clientWidth - 2 * MARGIN) / Math.max(right - left, 0.05),
      (clientHeight - 3 * MARGIN) / Math.max(bottom - top, 0.05),
    );
    this.#scale = fitting;
    this.#center = { x: (left + right) / 2, y: (top + bottom) / 2 };
    this.#fitted = points.length > 0;
    this.redraw();
  }

  pan(dx: number, dy: number): void {
    this.#center = { x: this.#center.x - dx / this.#scale, y: this.#center.y - dy / this.#scale };
    this.redraw();
  }

  /** `at` stays where it is: pixels from the middle of the canvas. */
  zoom(factor: number, at: Point = { x: 0, y: 0 }): void {
    const before = this.#scale;
    this.#scale = Math.min(1e6, Math.max(0.01, before * factor));
    const shift = 1 / before - 1 / this.#scale;
    this.#center = { x: this.#center.x + at.x * shift, y: this.#center.y + at.y * shift };
    this.redraw();
  }

  /** The node at these pixels of the canvas. */
  nodeAt(x: number, y: number): string | undefined {
    let best: { name: string; distance: number } | undefined;
    for (const { name } of this.#picture.nodes) {
      const at = this.#toScreen(name);
      const distance = Math.hypot(at.x - x, at.y - y);
      if (distance < 14 && (best === undefined || distance < best.distance)) best = { name, distance };
    }
    return best?.name;
  }

  #toScreen(name: string): Point {
    const { clientWidth, clientHeight } = this.#canvas;
    const at = this.#at.get(name) ?? { x: 0, y: 0 };
    return {
      x: clientWidth / 2 + (at.x - this.#center.x) * this.#scale,
      y: clientHeight / 2 + (at.y - this.#center.y) * this.#scale,
    };
  }

  #draw(): void {
    this.#frame = 0;
    const context = this.#canvas.getContext('2d');
    if (context === null || !this.#canvas.isConnected) return;
    const { clientWidth, clientHeight } = this.#canvas;
    const density = devicePixelRatio;
    if (this.#canvas.width !== Math.round(clientWidth * density))
      this.#canvas.width = Math.round(clientWidth * density);
    if (this.#canvas.height !== Math.round(clientHeight * density))
      this.#canvas.height = Math.round(clientHeight * density);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    const moving = this.#move();
    const style = getComputedStyle(this.#canvas);
    const ink = style.color;
    context.font = `13px ${style.fontFamily}`;
    // A custom property is not resolved here; these properties of the style sheet are.
    this.#drawLinks(context, ink, style.textDecorationColor);
    this.#drawNodes(context, ink);
    this.#drawNames(context, ink, style.backgroundColor);
    if (moving) this.redraw();
  }

  /** Nodes go to their places; returns whether one is still on its way. */
  #move(): boolean {
    let moving = false;
    const unplaced = this.#picture.nodes.filter(({ point }) => point === undefined);
    const { clientWidth, clientHeight } = this.#canvas;
    for (const [i, { name }] of unplaced.entries())
      this.#at.set(name, {
        x:
          this.#center.x +
          (MARGIN + ((i * 22) % Math.max(22, clientWidth - 2 * MARGIN)) - clientWidth / 2) / this.#scale,
        y: this.#center.y + (clientHeight / 2 - 24) / this.#scale,
      });
    for (const { name, point } of this.#picture.nodes) {
      if (point === undefined) continue;
      const at = this.#at.get(name);
      const [dx, dy] = [point.x - (at?.x ?? point.x), point.y - (at?.y ?? point.y)];
      const far = at !== undefined && Math.hypot(dx, dy) * this.#scale > 0.3;
      moving ||= far;
      this.#at.set(name, far ? { x: at.x + dx * EASE, y: at.y + dy * EASE } : { ...point });
    }
    return moving;
  }

  #drawLinks(context: CanvasRenderingContext2D, ink: string, bad: string): void {
    for (const [i, { from, to, label, oneWay }] of this.#picture.links.entries()) {
      const [a, b] = [this.#toScreen(from), this.#toScreen(to)];
      context.strokeStyle = oneWay ? bad : ink;
      context.fillStyle = context.strokeStyle;
      context.lineWidth = oneWay ? 2 : 1;
      context.globalAlpha = oneWay ? 1 : 0.3;
      context.setLineDash(oneWay ? [6, 5] : []);
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
      context.stroke();
      context.globalAlpha = 1;
      const part = 0.5 + 0.09 * ((i % 3) - 1); // labels of links that lie close together stand apart
      context.fillText(label, a.x + (b.x - a.x) * part + 5, a.y + (b.y - a.y) * part - 4);
    }
    context.setLineDash([]);
  }

  #drawNodes(context: CanvasRenderingContext2D, ink: string): void {
    const paths = new Map<string, Path2D>();
    for (const { name, status, color } of this.#picture.nodes) {
      const { x, y } = this.#toScreen(name);
      const { shape } = lookOf(status);
      const key = `${shape === 'cross' ? 'stroke' : 'fill'} ${color}`;
      const path = paths.get(key) ?? new Path2D();
      paths.set(key, path);
      addShape(path, shape, x, y);
    }
    context.lineWidth = 3;
    for (const [key, path] of paths) {
      const [kind, color = ''] = key.split(' ');
      context.fillStyle = color;
      context.strokeStyle = color;
      if (kind === 'stroke') context.stroke(path);
      else context.fill(path);
    }
    context.strokeStyle = ink;
    context.lineWidth = 2;
    for (const name of new Set([this.#picture.self, this.#picture.selected])) {
      if (name === undefined || !this.#at.has(name)) continue;
      const { x, y } = this.#toScreen(name);
      context.beginPath();
      context.arc(x, y, name === this.#picture.selected ? RADIUS + 5 : RADIUS + 2.5, 0, 7);
      context.stroke();
    }
  }

  #drawNames(context: CanvasRenderingContext2D, ink: string, card: string): void {
    const { nodes, links, self, selected } = this.#picture;
    const named = new Set([
      self,
      selected,
      ...links.slice(0, MAX_NAMES).flatMap(({ from, to }) => [from, to]),
    ]);
    context.fillStyle = ink;
    context.strokeStyle = card;
    context.lineWidth = 4;
    context.lineJoin = 'round';
    for (const { name } of nodes) {
      if (nodes.length > MAX_NAMES && !named.has(name)) continue;
      const { x, y } = this.#toScreen(name);
      context.strokeText(name, x + 11, y + 4);
      context.fillText(name, x + 11, y + 4);
    }
  }
}

function addShape(path: Path2D, shape: string, x: number, y: number): void {
  const r = RADIUS;
  if (shape === 'triangle') {
    path.moveTo(x, y - r - 1);
    path.lineTo(x + r + 1, y + r);
    path.lineTo(x - r - 1, y + r);
    path.closePath();
  } else if (shape === 'cross') {
    path.moveTo(x - r, y - r);
    path.lineTo(x + r, y + r);
    path.moveTo(x + r, y - r);
    path.lineTo(x - r, y + r);
  } else {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 7);
  }
}
