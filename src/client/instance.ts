/** One instance of a service, with what this process knows of it: requests that are under way, and failures of its own. */
import { Hash } from '../catalog/hash.ts';

/** A row of the event stream, as the agent sends it (docs/http.md). */
export interface StreamedInstance {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** The tag `zone` of its node. */
  readonly zone: string | null;
  /** The estimated round trip in milliseconds, when the row was sent. */
  readonly rtt: number | null;
  readonly status: 'passing' | 'warning' | 'critical' | 'maintenance' | 'draining';
  readonly draining: boolean;
}

/** Failures in a row after which an instance is ejected. */
const MAX_FAILURES = 5;

/** The same object for as long as the instance is known; its fields follow the agent. */
export class DiscoveredInstance implements StreamedInstance {
  readonly id: string;
  readonly node: string;
  address = '';
  port = 0;
  ports: StreamedInstance['ports'] = {};
  weights: StreamedInstance['weights'] = { passing: 1, warning: 1 };
  tags: readonly string[] = [];
  meta: StreamedInstance['meta'] = {};
  zone: string | null = null;
  rtt: number | null = null;
  status: StreamedInstance['status'] = 'critical';
  draining = false;
  /** Left out of picks for a while, for it failed here. */
  ejected = false;
  /** Requests between `start` and `finish`. */
  pending = 0;
  /** The weight in its present status, as the agent counts it; 0: it gets nothing. */
  weight = 0;
  /** The hash of node and id, to which that of a key is added. */
  readonly placement: Hash;
  /** How often it was ejected since it last worked. */
  ejections = 0;
  #failures = 0;
  #told = '';
  readonly #onFailure: (instance: DiscoveredInstance) => void;

  /** `onFailure` is called after too many failures in a row. */
  constructor({ node, id }: StreamedInstance, onFailure: (instance: DiscoveredInstance) => void) {
    this.node = node;
    this.id = id;
    this.#onFailure = onFailure;
    this.placement = new Hash().updateText(node).updateText(id);
  }

  /** Takes over what the agent says. Returns whether it says something new; a distance is not. */
  update(row: StreamedInstance): boolean {
    const told = this.#told;
    this.#told = JSON.stringify({ ...row, rtt: 0 });
    Object.assign(this, row);
    const { status, weights } = row;
    this.weight = status === 'passing' ? weights.passing : status === 'warning' ? weights.warning : 0;
    return this.#told !== told;
  }

  /** A request to it begins; `finish` must follow. */
  start(): void {
    this.pending += 1;
  }

  /** It has ended; `failed` if the instance was not reached, or broke off. */
  finish(failed = false): void {
    if (this.pending > 0) this.pending -= 1;
    if (!failed) {
      if (!this.ejected) this.ejections = 0;
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    // After a probe has let it back one failure is enough.
    if (this.ejected || this.#failures < (this.ejections > 0 ? 1 : MAX_FAILURES)) return;
    this.#failures = 0;
    this.#onFailure(this);
  }
}
