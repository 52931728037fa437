/** Turns the rows of the agent's event stream into the servers that a proxy should have, and keeps the last ones when a partition hides all of them. */
import { parseIp, toAddress } from '../base/address.ts';

/** What proxies and templates need of a row of the stream (docs/http.md). */
export interface SyncRow {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly weights: { readonly passing: number; readonly warning: number };
  /** By availability zone, as the agent sees it; agents before 0.3 do not say. */
  readonly priority?: number | undefined;
  readonly weight?: number | undefined;
  readonly status: string;
  readonly draining: boolean;
  readonly zone: string | null;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, number>>;
}

export interface DesiredServer {
  /** Node and ID: what it is recognized by, whatever its address. */
  readonly key: string;
  readonly id: string;
  readonly node: string;
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** `drain`: it finishes what it has, and gets nothing new. */
  readonly state: 'ready' | 'drain';
  /** What else is known of it. */
  readonly row: SyncRow;
}

export interface DesiredList {
  readonly servers: readonly DesiredServer[];
  /** Usable instances that no proxy can dial: their address is a host name, or their port is 0. */
  readonly undialable: readonly SyncRow[];
}

/** Critical instances and those in maintenance are left out. */
export function toDesiredList(rows: readonly SyncRow[]): DesiredList {
  const servers: DesiredServer[] = [];
  const undialable: SyncRow[] = [];
  for (const row of rows) {
    const state = stateOf(row);
    if (state === undefined) continue;
    const { id, node, address, port } = row;
    const ip = parseIp(address);
    if (ip === undefined || port < 1 || port > 65_535) undialable.push(row);
    else {
      // An address is compared with what the proxy says it has, so it is spelled as the proxy spells it.
      const { host } = toAddress(ip, port);
      servers.push({ key: keyOf(row), id, node, address: host, port, weight: weightOf(row), state, row });
    }
  }
  return { servers, undialable };
}

/** Which share of the requests it should get from here, in relation to the others; 0: its availability zone is spare. */
function weightOf(row: SyncRow): number {
  const { status, priority = 1, weight = registeredWeight(row) } = row;
  if (status === 'draining') return registeredWeight(row); // it gets nothing new, and is not changed for that
  return priority > 1 ? 0 : weight;
}

const registeredWeight = ({ status, weights }: SyncRow): number =>
  status === 'warning' ? weights.warning : weights.passing;

const keyOf = ({ node, id }: SyncRow): string => JSON.stringify([node, id]);

function stateOf({ status, draining }: SyncRow): DesiredServer['state'] | undefined {
  if (status === 'draining') return 'drain';
  if (status !== 'passing' && status !== 'warning') return undefined;
  return draining ? 'drain' : 'ready';
}

export const hasReady = (servers: readonly DesiredServer[]): boolean =>
  servers.some(({ state }) => state === 'ready');

/**
 * Remembers the last list of a service that had a server to dial. A partition makes instances critical; deregistering,
 * draining and maintenance are what somebody wanted, so that these never stay.
 */
export class LastGoodList {
  #last: readonly DesiredServer[] = [];

  /** Whether a partition may be what has emptied the list, so that it is worth asking the agent. */
  isInDoubt(rows: readonly SyncRow[], desired: DesiredList): boolean {
    return !hasReady(desired.servers) && rows.some(({ status }) => status === 'critical');
  }

  remember({ servers }: DesiredList): void {
    if (hasReady(servers)) this.#last = servers;
  }

  /** What stays: the servers of the last good list that are merely critical now, beside what is draining. */
  keep(rows: readonly SyncRow[], { servers }: DesiredList): readonly DesiredServer[] {
    const critical = new Set(rows.filter(({ status }) => status === 'critical').map(keyOf));
    const kept = this.#last.filter(({ key }) => critical.has(key));
    // Where only spare ones are left they are what there is.
    const areSpare = kept.every(({ weight }) => weight === 0);
    const served = areSpare ? kept.map((one) => ({ ...one, weight: registeredWeight(one.row) })) : kept;
    return [...served, ...servers];
  }

  /** Nothing is remembered yet: what the proxy has is the best that is known. */
  get isUnknown(): boolean {
    return this.#last.length === 0;
  }
}
