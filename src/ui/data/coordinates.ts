/** Network coordinates: the estimated round trip between two nodes, and a picture of all in two dimensions. */

/** An element of `/v1/coordinate/nodes`. */
export interface CoordinateJson {
  readonly Node: string;
  readonly Coord: { readonly Vec: readonly number[]; readonly Height: number; readonly Adjustment: number };
}

export type Coord = CoordinateJson['Coord'];

/** In milliseconds. Source: Consul, "Network Coordinates", "Working with Coordinates". */
function roundTrip(a: Coord, b: Coord): number {
  const distance = Math.hypot(...a.Vec.map((x, i) => x - (b.Vec[i] ?? 0))) + a.Height + b.Height;
  const adjusted = distance + a.Adjustment + b.Adjustment;
  return 1000 * (adjusted > 0 ? adjusted : distance);
}

/** From a node to all others, the nearest first. */
export function roundTripsFrom(
  from: string | undefined,
  coords: ReadonlyMap<string, Coord>,
): readonly (readonly [string, number])[] {
  const own = coords.get(from ?? '');
  if (own === undefined) return [];
  return [...coords]
    .filter(([name]) => name !== from)
    .map(([name, coord]) => [name, roundTrip(own, coord)] as const)
    .sort((a, b) => a[1] - b[1]);
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

const ROUNDS = 30;

/** The two directions in which the nodes differ most (principal components), in milliseconds around their middle. */
export function project(coords: ReadonlyMap<string, Coord>): ReadonlyMap<string, Point> {
  const all = [...coords.values()].map(({ Vec }) => Vec);
  const size = all[0]?.length ?? 0;
  const middle = Array.from(
    { length: size },
    (_, i) => all.reduce((sum, vec) => sum + (vec[i] ?? 0), 0) / all.length,
  );
  const centered = all.map((vec) => middle.map((mean, i) => (vec[i] ?? 0) - mean));
  const first = mainDirection(centered, undefined);
  const second = mainDirection(centered, first);
  return new Map(
    [...coords.keys()].map((name, i) => {
      const vec = centered[i] ?? [];
      return [name, { x: 1000 * dot(vec, first), y: 1000 * dot(vec, second) }];
    }),
  );
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** Power iteration, at right angles to `other`. It begins at the same vector, so that the picture does not turn. */
function mainDirection(
  vectors: readonly (readonly number[])[],
  other: readonly number[] | undefined,
): number[] {
  let direction = (vectors[0] ?? []).map((_, i) => 1 / (i + (other === undefined ? 1 : 2)));
  for (let round = 0; round < ROUNDS; round++) {
    const along = other === undefined ? 0 : dot(direction, other);
    const straight = direction.map((x, i) => x - along * (other?.[i] ?? 0));
    const length = Math.hypot(...straight);
    if (length < 1e-12) return straight.map(() => 0);
    const unit = straight.map((x) => x / length);
    if (round === ROUNDS - 1) return unit;
    const next = unit.map(() => 0);
    for (const vec of vectors) {
      const weight = dot(vec, unit);
      for (let i = 0; i < next.length; i++) next[i] = (next[i] ?? 0) + weight * (vec[i] ?? 0);
    }
    direction = Math.hypot(...next) < 1e-15 ? unit : next;
  }
  return direction;
}
