/**
 * Converts the agent's settings to options of the DNS server: milliseconds to seconds, and a limit of 0 to no limit.
 */
import { type Address, parseAddress } from '../base/address.ts';
import { NAME_SERVER_PORT, parseCidr } from '../config/names.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { DnsOptions } from './options.ts';

type DnsConfig = Pick<
  AgentConfig,
  | Extract<keyof AgentConfig, `dns${Capitalize<string>}`>
  | 'domain'
  | 'altDomain'
  | 'datacenter'
  | 'selfService'
  | 'suspectsLast'
>;

export const toDnsOptions = (config: DnsConfig, listen: Address): Omit<DnsOptions, 'view' | 'serial'> => ({
  listen: { host: listen.host, port: listen.port },
  domain: config.domain,
  altDomain: config.altDomain,
  datacenter: config.datacenter,
  selfService: config.selfService,
  suspectsLast: config.suspectsLast,
  nodeTtlSeconds: seconds(config.dnsNodeTtl),
  serviceTtlSeconds: new Map([...config.dnsServiceTtl].map(([name, span]) => [name, seconds(span)])),
  onlyPassing: config.dnsOnlyPassing,
  udpIsNoTag: config.dnsUdpIsNoTag,
  aRecordLimit: limit(config.dnsARecordLimit),
  truncation: { truncate: config.dnsTruncate, udpAnswerLimit: limit(config.dnsUdpAnswerLimit) },
  soa: {
    refreshSeconds: seconds(config.dnsSoaRefresh),
    retrySeconds: seconds(config.dnsSoaRetry),
    expireSeconds: seconds(config.dnsSoaExpire),
    minimumSeconds: seconds(config.dnsSoaMinTtl),
  },
  allow: config.dnsAllow.map(parseCidr),
  recursors: {
    servers: config.dnsRecursor.flatMap((server) => parseAddress(server, NAME_SERVER_PORT) ?? []),
    strategy: config.dnsRecursorStrategy,
    timeout: config.dnsRecursorTimeout,
  },
});

const seconds = (millis: number): number => Math.floor(millis / 1000);
const limit = (value: number): number => (value === 0 ? Number.POSITIVE_INFINITY : value);
