/** Planted bugs that resolvers would meet. */
import type { Mutant } from '../mutant.ts';

export const dnsMutants: readonly Mutant[] = [
  {
    id: 'dns-srv-target-compressed',
    file: 'dns/message/encode.ts',
    find: 'if (inFull === true) this.#nameInFull(name);',
    replace: 'if (inFull === true) this.#name(name);',
    description: "The target of an SRV is a compression pointer, which Go's older resolvers refuse.",
    expectedTests: ['unit/dns/message/encode.test.ts'],
  },
  {
    id: 'dns-soa-of-apex',
    file: 'dns/answer.ts',
    find: 'soaRecord(closestEncloser(labels, zone.names), domain, zone)',
    replace: 'soaRecord(closestEncloser(labels.slice(-1), zone.names), domain, zone)',
    description: 'The SOA of a negative answer is above the zone that a resolver forwards, which ignores it.',
    expectedTests: ['unit/dns/table.test.ts'],
  },
  {
    id: 'dns-foreign-name-unresolved',
    file: 'dns/answers/address.ts',
    find: 'const records = foreign?.records(name) ?? [];',
    replace: 'const records = foreign === undefined ? [] : foreign.records(name).slice(0, 0);',
    description: 'A service behind a foreign host name is a bare CNAME, which stub resolvers do not follow.',
    expectedTests: ['unit/dns/recursor/foreign-names.test.ts'],
  },
  {
    id: 'dns-external-address-as-name',
    file: 'dns/zone/service-index.ts',
    find: "hostName: node === undefined ? external.address : ''",
    replace: 'hostName: external.address',
    description: 'The IP address of an external node is answered as if it were a host name.',
    expectedTests: ['unit/dns/zone/external-nodes.test.ts'],
  },
];
