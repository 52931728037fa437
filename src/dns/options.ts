/** Options of the DNS server, their defaults, and the zone they describe. */
import { randomInt } from 'node:crypto';
import type { View } from '../agent/contract/view.ts';
import type { Meter } from '../base/meter.ts';
import { createRng, type Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import type { IpNetwork } from '../config/names.ts';
import type { SoaTimers } from './message/records.ts';
import type { RecursorOptions } from './recursor/recursor.ts';
import type { TruncationOptions } from './truncate.ts';
import { ServiceAnswerCache } from './zone/answer-cache.ts';
import { parseZoneNames } from './zone/names.ts';
import { NodeIndex } from './zone/node-index.ts';
import { ServiceIndex } from './zone/service-index.ts';
import { compileServiceTtls } from './zone/service-ttl.ts';
import type { Zone } from './zone/zone.ts';

export interface DnsOptions {
  /** `host` is an IP literal. Port 0: any port that is free for both UDP and TCP. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly view: View;
  readonly domain: string;
  readonly altDomain?: string;
  readonly datacenter: string;
  readonly nodeTtlSeconds: number;
  /** Keys are service names, `prefix*` or `*`. The exact name wins, then the longest prefix; 0 without a match. */
  readonly serviceTtlSeconds?: ReadonlyMap<string, number>;
  /** Leaves instances in state warning out of answers. */
  readonly onlyPassing?: boolean;
  /** Most addresses in one answer about a service, sampled for each answer. SRV is not limited. */
  readonly aRecordLimit?: number;
  /**
   * Name of the service that every live node is an instance of, unless a service of that name is registered; or `off`.
   */
  readonly selfService?: string;
  /** Puts endpoints on suspected nodes last while two others are well; true by default. */
  readonly suspectsLast?: boolean;
  /** Reads `_NAME._udp` as all instances if none has the tag `udp`. Consul does not. */
  readonly udpIsNoTag?: boolean;
  readonly soa?: Partial<SoaTimers>;
  /** Serial of the SOA, in Unix seconds. */
  readonly serial: () => number;
  readonly truncation?: Partial<TruncationOptions>;
  /** Servers to which queries for foreign names are forwarded. Without any, those queries are REFUSED. */
  readonly recursors?: Omit<RecursorOptions, 'names'>;
  /**
   * Networks that may query, also through recursors, besides this host. Without any, every host may, but without
   * recursors.
   */
  readonly allow?: readonly IpNetwork[];
  /** Counts responses. */
  readonly meter?: Meter;
  /** Source of the random order of answers. */
  readonly rng?: Rng;
  /**
   * Response rate limit over UDP, per second and IPv4 /24 or IPv6 /56, for clients on other hosts that no list allows.
   */
  readonly responsesPerSecond?: number;
  readonly tcpIdleTimeout?: Millis;
  readonly tcpMaxConnections?: number;
}

export const DNS_DEFAULTS = {
  listen: { host: '127.0.0.1', port: 8600 },
  selfService: 'consul',
  soa: { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 86_400, minimumSeconds: 0 },
  truncation: { truncate: 'auto', udpAnswerLimit: Number.POSITIVE_INFINITY },
  responsesPerSecond: 20,
  tcpIdleTimeout: 15_000,
  tcpMaxConnections: 256,
} as const;

/** Throws `AgentError` `config` if a domain or the datacenter cannot be written in DNS. */
export function createZone(options: Omit<DnsOptions, 'listen'>): Zone {
  const { view, nodeTtlSeconds, serial } = options;
  const rng = options.rng ?? createRng(randomInt(2 ** 32));
  const names = parseZoneNames(options.domain, options.altDomain, options.datacenter);
  const soa = { ...DNS_DEFAULTS.soa, ...options.soa };
  const selfService = (options.selfService ?? DNS_DEFAULTS.selfService).toLowerCase();
  return {
    view,
    nodes: new NodeIndex(view),
    services: new ServiceIndex(view, names, {
      onlyPassing: options.onlyPassing ?? false,
      suspectsLast: options.suspectsLast ?? true,
      selfService: selfService === 'off' || selfService === '' ? undefined : selfService,
    }),
    answerCache: new ServiceAnswerCache(),
    names,
    nodeTtlSeconds,
    serviceTtlSeconds: compileServiceTtls(options.serviceTtlSeconds ?? new Map()),
    aRecordLimit: options.aRecordLimit ?? Number.POSITIVE_INFINITY,
    udpIsNoTag: options.udpIsNoTag ?? false,
    soa,
    serial,
    rng,
  };
}
