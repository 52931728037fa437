/** Converts network coordinates into Consul's JSON. Source: Consul HTTP API, "Coordinates". */
import type { Coordinate } from '../../serf/coordinates.ts';
import type { Site } from '../endpoint/site.ts';

export interface ConsulCoordinate {
  readonly Node: string;
  readonly Segment: '';
  readonly Coord: ReturnType<typeof toConsulCoord>;
}

export const toConsulCoordOrNull = (
  coordinate: Coordinate | undefined,
): ReturnType<typeof toConsulCoord> | null => (coordinate === undefined ? null : toConsulCoord(coordinate));

/** `undefined` for a node that has not answered a probe of this agent yet. */
export function toConsulCoordinate({ agent: { view } }: Site, node: string): ConsulCoordinate | undefined {
  const coordinate = view.coordinate(node);
  return coordinate === undefined ? undefined : { Node: node, Segment: '', Coord: toConsulCoord(coordinate) };
}

const toConsulCoord = ({ vec, error, adjustment, height }: Coordinate) => ({
  Vec: vec,
  Error: error,
  Adjustment: adjustment,
  Height: height,
});
