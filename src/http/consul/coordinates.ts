/** Network coordinates in the shape Consul's clients know. Source: http.md section 13. */
import type { Coordinate } from '../../serf/coordinates.ts';
import type { Site } from '../endpoint/site.ts';

export interface CoordinateShape {
  readonly Node: string;
  readonly Segment: '';
  readonly Coord: ReturnType<typeof coordOf>;
}

export const coordShape = (coordinate: Coordinate | undefined): ReturnType<typeof coordOf> | null =>
  coordinate === undefined ? null : coordOf(coordinate);

/** `undefined` for a node that has not answered a probe of ours yet. */
export function coordinateShape({ door: { view } }: Site, node: string): CoordinateShape | undefined {
  const coordinate = view.coordinate(node);
  return coordinate === undefined ? undefined : { Node: node, Segment: '', Coord: coordOf(coordinate) };
}

const coordOf = ({ vec, error, adjustment, height }: Coordinate) => ({
  Vec: vec,
  Error: error,
  Adjustment: adjustment,
  Height: height,
});
