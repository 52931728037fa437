/** Which view a path names, and the paths of views. Paths of Consul's dashboard lead to the view of the same thing. */

import type { InfoJson } from './data/types.ts';

export const TABS = ['overview', 'map', 'nodes', 'services', 'jobs', 'events', 'actions'] as const;
export type Tab = (typeof TABS)[number];

/** `name`: of the one node or service that is shown. */
export interface Place {
  readonly tab: Tab;
  readonly name?: string;
}

export interface ViewProps {
  readonly place: Place;
  readonly info: InfoJson | undefined;
}

/** `/ui/nodes/NAME`, and `/ui/DC/nodes/NAME` with whatever Consul puts behind it. Anything unknown is the overview. */
export function toPlace(pathname: string): Place {
  const parts = pathname
    .replace(/^\/ui\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const [first = '', second = ''] = parts;
  const isConsul = isTab(second) && (!isTab(first) || parts.length > 2);
  const [tab = '', name] = isConsul ? parts.slice(1) : parts;
  if (!isTab(tab)) return { tab: 'overview' };
  return (tab === 'nodes' || tab === 'services') && name !== undefined ? { tab, name } : { tab };
}

export const pathOf = ({ tab, name }: Place): string =>
  tab === 'overview' ? '/ui/' : `/ui/${tab}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;

export const nodePath = (name: string): string => pathOf({ tab: 'nodes', name });
export const servicePath = (name: string): string => pathOf({ tab: 'services', name });

const isTab = (word: string): word is Tab => (TABS as readonly string[]).includes(word);

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
