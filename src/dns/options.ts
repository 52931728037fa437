/** What the door is given, what it takes where nothing is given, and the zone that comes of it. */
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
  /** `host` is an IP literal. Port 0: any that is free for both transports. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly view: View;
  readonly domain: string;
  readonly altDomain?: string;
  readonly datacenter: string;
  readonly nodeTtlSeconds: number;
  /** By a service's name, `prefix*` or `*`: the exact name goes first, then the longest prefix. None: 0. */
  readonly serviceTtlSeconds?: ReadonlyMap<string, number>;
  /** Leave instances in warning out of the answers. */
  readonly onlyPassing?: boolean;
  /** At most so many addresses in one answer about a service, drawn anew each time. SRV is not limited. */
  readonly aRecordLimit?: number;
  /** The service that every live node is an instance of, unless one is registered under this name; or `off`. */
  readonly selfService?: string;
  /** Read `_NAME._udp` as all instances when none has the tag `udp`; Consul does not. */
  readonly udpIsNoTag?: boolean;
  readonly soa?: Partial<SoaTimers>;
  /** False: a name that is not there is SERVFAIL rather than NXDOMAIN. */
  readonly ready: () => boolean;
  /** The SOA's serial: Unix seconds. */
  readonly serial: () => number;
  readonly truncation?: Partial<TruncationOptions>;
  /** Where foreign names are asked; none: they are refused. */
  readonly recursors?: Omit<RecursorOptions, 'names'>;
  /** If given, who may ask besides our own host, recursors included; the others are refused. */
  readonly allow?: readonly IpNetwork[];
  /** Where answers are counted. */
  readonly meter?: Meter;
  /** For the order of answers. */
  readonly rng?: Rng;
  /** Datagrams answered per second to one /24 (IPv6: /56) of other hosts, if the door is open to them. */
  readonly responsesPerSecond?: number;
  readonly tcpIdleTimeout?: Millis;
  readonly tcpMaxConnections?: number;
}

export const DNS_DEFAULTS = {
  listen: { host: '127.0.0.1', port: 8600 },
  selfService: 'consul',
  soa: { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 86_400, minimumSeconds: 0 },
  trimming: { truncate: 'auto', udpAnswerLimit: Number.POSITIVE_INFINITY },
  strangersPerSecond: 20,
  tcpIdleTimeout: 15_000,
  tcpMaxConnections: 256,
} as const;

/** Throws `AgentError` `config` when a name could not be written in DNS. */
export function createZone(options: Omit<DnsOptions, 'listen' | 'ready'>): Zone {
  const { view, nodeTtlSeconds, serial } = options;
  const rng = options.rng ?? createRng(randomInt(2 ** 32));
  const names = parseZoneNames(options.domain, options.altDomain, options.datacenter);
  const soa = { ...DNS_DEFAULTS.soa, ...options.soa };
  const self = (options.selfService ?? DNS_DEFAULTS.selfService).toLowerCase();
  return {
    view,
    nodes: new NodeIndex(view),
    services: new ServiceIndex(view, names, {
      onlyPassing: options.onlyPassing ?? false,
      selfService: self === 'off' || self === '' ? undefined : self,
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
