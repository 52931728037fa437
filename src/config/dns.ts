/** Settings of the DNS door. They are the agent's own: `--dns-node-ttl`, `dnsNodeTtl`. */
import { validateCidr, validateNameServer } from './names.ts';
import { booleanSetting, defineSection, durationSetting, integerSetting } from './setting.ts';
import { choiceSetting, durationMapSetting, ipListenSetting, listSetting } from './text.ts';

export const dnsSection = defineSection({
  dns: ipListenSetting({
    default: '127.0.0.1:8600',
    port: 8600,
    doc: 'Where DNS listens, UDP and TCP.',
    source: 'consul addresses.dns, ports.dns',
  }),
  dnsNodeTtl: durationSetting({
    default: '0s',
    max: '24h',
    doc: 'How long DNS answers about nodes may be cached; keep it below the time to detect a failure.',
    source: 'consul dns_config.node_ttl',
  }),
  dnsServiceTtl: durationMapSetting({
    max: '24h',
    doc: 'How long DNS answers about a service may be cached. NAME may be prefix* or *; the exact name wins, then the longest prefix.',
    source: 'consul dns_config.service_ttl',
  }),
  dnsOnlyPassing: booleanSetting({
    default: false,
    doc: 'Keep instances in warning out of DNS answers.',
    source: 'consul dns_config.only_passing',
  }),
  dnsAllow: listSetting({
    placeholder: 'CIDR',
    check: validateCidr,
    doc: 'Network that may ask, recursors included, when DNS listens beyond loopback; all others are then refused. None: all may ask about our domains, at a limited rate.',
  }),
  dnsRecursor: listSetting({
    placeholder: 'ADDR[:PORT]',
    check: validateNameServer,
    doc: 'DNS server that is asked about names outside our domains. None: such names are refused.',
    source: 'consul recursors',
  }),
  dnsRecursorStrategy: choiceSetting({
    values: ['sequential', 'random'],
    default: 'sequential',
    doc: 'Which recursor is asked first.',
    source: 'consul dns_config.recursor_strategy',
  }),
  dnsRecursorTimeout: durationSetting({
    default: '2s',
    min: '100ms',
    max: '30s',
    doc: 'How long a recursor may take before the next one is asked.',
    source: 'consul dns_config.recursor_timeout',
  }),
  dnsTruncate: choiceSetting({
    values: ['auto', 'always', 'never'],
    default: 'auto',
    doc: 'When to say that an answer was cut to fit a datagram. auto: always, but to those who would then throw it away whole.',
    source: 'consul dns_config.enable_truncate',
  }),
  dnsARecordLimit: integerSetting({
    default: 0,
    max: 10_000,
    defaultWords: '0: no limit',
    doc: 'Most addresses in one answer about a service; SRV is not limited.',
    source: 'consul dns_config.a_record_limit',
  }),
  dnsUdpAnswerLimit: integerSetting({
    default: 0,
    max: 10_000,
    defaultWords: '0: no limit',
    doc: 'Most answers over UDP to those who take no more than 512 bytes.',
    source: 'consul dns_config.udp_answer_limit',
  }),
  dnsUdpIsNoTag: booleanSetting({
    default: false,
    doc: 'Read _NAME._udp as all instances when none has the tag udp.',
  }),
  dnsSoaRefresh: durationSetting({
    default: '1h',
    max: '720h',
    doc: "Refresh in the domain's SOA.",
    source: 'consul dns_config.soa.refresh',
  }),
  dnsSoaRetry: durationSetting({
    default: '10m',
    max: '720h',
    doc: "Retry in the domain's SOA.",
    source: 'consul dns_config.soa.retry',
  }),
  dnsSoaExpire: durationSetting({
    default: '24h',
    max: '720h',
    doc: "Expire in the domain's SOA.",
    source: 'consul dns_config.soa.expire',
  }),
  dnsSoaMinTtl: durationSetting({
    default: '0s',
    max: '24h',
    doc: 'How long caches may believe that a name does not exist.',
    source: 'consul dns_config.soa.min_ttl',
  }),
});
