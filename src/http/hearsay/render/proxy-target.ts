/** The instances of a service as a proxy dials them. The documents of all proxies are made of these. */

export interface ProxyTarget {
  /** With the id it says which instance this is. */
  readonly node: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** Relative to that of the others, above 0. */
  readonly weight: number;
  /** The tag `zone` of its node; `''` without one. */
  readonly zone: string;
}

/** A service with its targets, none of which is unknown or has no port or weight. */
export interface ProxyService {
  readonly name: string;
  readonly targets: readonly ProxyTarget[];
  /** A partition has taken all of them, and they stay as they were before it. */
  readonly isKept: boolean;
}
