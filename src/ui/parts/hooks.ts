/** What views share: the cluster, replies of the API that are read again and again, the clock, and where the page is. */
import { type Context, createContext } from 'preact';
import { useContext, useEffect, useMemo, useState } from 'preact/hooks';
import { getApi } from '../data/api.ts';
import { Cluster } from '../data/cluster.ts';
import { type Coord, type CoordinateJson, roundTripsFrom } from '../data/coordinates.ts';
import { LiveLog } from '../data/log.ts';
import type { Source } from '../data/source.ts';
import { type Place, pathOf, toPlace } from '../place.ts';

export const ClusterContext = createContext(new Cluster());
const LogContext = createContext(new LiveLog());

/** The calling component is drawn again when the source changes. */
function useSource<T extends Source>(context: Context<T>): T {
  const source = useContext(context);
  const [, redraw] = useState(0);
  useEffect(() => source.subscribe(() => redraw((count) => count + 1)), [source]);
  return source;
}

export const useCluster = (): Cluster => useSource(ClusterContext);

/** The log of this agent, which is followed while a component uses it. */
export const useLog = (): LiveLog => useSource(LogContext);

export interface Polled<T> {
  readonly data: T | undefined;
  readonly error: Error | undefined;
  /** When `data` came. */
  readonly at: number;
}

const NOTHING: Polled<never> = { data: undefined, error: undefined, at: 0 };

/** Reads a path now and every `interval` milliseconds; 0: once. `undefined` as path reads nothing. `key`: read anew when it changes. */
export function usePolled<T>(path: string | undefined, interval: number, key: unknown = ''): Polled<T> {
  const [polled, setPolled] = useState<Polled<T> & { readonly path?: string | undefined }>(NOTHING);
  useEffect(() => {
    if (path === undefined) return;
    const end = new AbortController();
    let timer = 0;
    const read = async (): Promise<void> => {
      try {
        const data = await getApi<T>(path, end.signal);
        setPolled({ data, error: undefined, at: Date.now(), path });
      } catch (error) {
        if (end.signal.aborted) return;
        setPolled((before) => ({
          ...(before.path === path ? before : NOTHING),
          error: error as Error,
          path,
        }));
      }
      if (interval > 0 && !end.signal.aborted) timer = window.setTimeout(read, interval);
    };
    void read();
    return () => {
      end.abort();
      window.clearTimeout(timer);
    };
  }, [path, interval, key]);
  return polled.path === path ? polled : NOTHING;
}

/** The time in milliseconds; the calling component is drawn again as it passes. */
export function useNow(step = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), step);
    return () => clearInterval(timer);
  }, [step]);
  return now;
}

/** Where the page is, and how to go elsewhere without loading it again. */
export function usePlace(): readonly [Place, (to: Place) => void] {
  const [place, setPlace] = useState(toPlace(location.pathname));
  const go = (to: Place): void => {
    history.pushState(null, '', pathOf(to));
    setPlace(to);
  };
  useEffect(() => {
    const update = (): void => setPlace(toPlace(location.pathname));
    const follow = (event: MouseEvent): void => {
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      const elsewhere =
        event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
      if (link === null || elsewhere || link.origin !== location.origin || link.target !== '') return;
      if (!link.pathname.startsWith('/ui/') || link.hash !== '') return;
      event.preventDefault();
      go(toPlace(link.pathname));
      scrollTo(0, 0);
    };
    const end = new AbortController();
    window.addEventListener('popstate', update, { signal: end.signal });
    document.addEventListener('click', follow, { signal: end.signal });
    return () => end.abort();
  }, []);
  return [place, go];
}

/** The network coordinates of nodes, read every `interval` milliseconds. */
export function useCoordinates(interval: number): ReadonlyMap<string, Coord> {
  const { data } = usePolled<readonly CoordinateJson[]>('/v1/coordinate/nodes', interval);
  return useMemo(() => new Map(data?.map(({ Node, Coord }) => [Node, Coord])), [data]);
}

/** Estimated from this agent to each other node, in milliseconds. */
export function useRoundTrips(self: string | undefined): ReadonlyMap<string, number> {
  const coords = useCoordinates(10_000);
  return useMemo(() => new Map(roundTripsFrom(self, coords)), [coords, self]);
}
