/** Settings of the DNS server. They belong to the agent section: `--dns-node-ttl`, `dnsNodeTtl`. */
import { validateCidr, validateNameServer } from '../names.ts';
import { booleanSetting, defineSection, durationSetting, integerSetting } from '../setting.ts';
import { choiceSetting, durationMapSetting, ipListenSetting, listSetting } from '../text.ts';

export const dnsSection = defineSection({
  dns: ipListenSetting({
    default: '127.0.0.1:8600',
    port: 8600,
    doc: 'Address that DNS listens on, UDP and TCP.',
    source: 'consul addresses.dns, ports.dns',
  }),
  dnsNodeTtl: durationSetting({
    default: '0s',
    max: '24h',
    doc: 'TTL of DNS answers about nodes; keep it below the time to detect a failure.',
    source: 'consul dns_config.node_ttl',
  }),
  dnsServiceTtl: durationMapSetting({
    max: '24h',
    doc: 'TTL of DNS answers about a service. NAME may be prefix* or *; the exact name wins, then the longest prefix.',
    source: 'consul dns_config.service_ttl',
  }),
  dnsOnlyPassing: booleanSetting({
    default: false,
    doc: 'Leave instances in warning out of DNS answers.',
    source: 'consul dns_config.only_passing',
  }),
  dnsAllow: listSetting({
    placeholder: 'CIDR',
    validate: validateCidr,
    doc: 'Network that may query DNS, recursion included, when DNS listens beyond loopback; all others are refused. If none is set, any client may query the domains of this agent, at a limited rate.',
  }),
  dnsRecursor: listSetting({
    placeholder: 'ADDR[:PORT]',
    validate: validateNameServer,
    doc: 'DNS server for names outside the domains of this agent. If none is set, such queries are refused.',
    source: 'consul recursors',
  }),
  dnsRecursorStrategy: choiceSetting({
    values: ['sequential', 'random'],
    default: 'sequential',
    doc: 'Order in which recursors are tried.',
    source: 'consul dns_config.recursor_strategy',
  }),
  dnsRecursorTimeout: durationSetting({
    default: '2s',
    min: '100ms',
    max: '30s',
    doc: 'How long to wait for a recursor before trying the next one.',
    source: 'consul dns_config.recursor_timeout',
  }),
  dnsTruncate: choiceSetting({
    values: ['auto', 'always', 'never'],
    default: 'auto',
    doc: 'When to set the TC bit on an answer that was cut to fit a datagram. auto: always, except for clients that would discard such an answer.',
    source: 'consul dns_config.enable_truncate',
  }),
  dnsARecordLimit: integerSetting({
    default: 0,
    max: 10_000,
    defaultText: '0, no limit',
    doc: 'Maximum number of addresses in an answer about a service; SRV records are not limited.',
    source: 'consul dns_config.a_record_limit',
  }),
  dnsUdpAnswerLimit: integerSetting({
    default: 0,
    max: 10_000,
    defaultText: '0, no limit',
    doc: 'Maximum number of answers over UDP to clients that accept at most 512 bytes.',
    source: 'consul dns_config.udp_answer_limit',
  }),
  dnsUdpIsNoTag: booleanSetting({
    default: false,
    doc: 'Read _NAME._udp as all instances if none has the tag udp.',
  }),
  dnsSoaRefresh: durationSetting({
    default: '1h',
    max: '720h',
    doc: 'Refresh interval in the SOA record of the domain.',
    source: 'consul dns_config.soa.refresh',
  }),
  dnsSoaRetry: durationSetting({
    default: '10m',
    max: '720h',
    doc: 'Retry interval in the SOA record of the domain.',
    source: 'consul dns_config.soa.retry',
  }),
  dnsSoaExpire: durationSetting({
    default: '24h',
    max: '720h',
    doc: 'Expiry in the SOA record of the domain.',
    source: 'consul dns_config.soa.expire',
  }),
  dnsSoaMinTtl: durationSetting({
    default: '0s',
    max: '24h',
    doc: 'How long resolvers may cache that a name does not exist (negative TTL).',
    source: 'consul dns_config.soa.min_ttl',
  }),
});
