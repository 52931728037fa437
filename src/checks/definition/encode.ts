/** Encodes definitions in the JSON shape of Consul's API, for snapshots. The inverse of definition.ts. */
import { formatDuration } from '../../config/setting.ts';
import type { ServiceDefinition } from '../../model/service.ts';
import type { CheckDefinition, CheckProbe } from '../types.ts';

/** Stands for this node in a snapshot, since its name may change before the next start. */
export const THIS_NODE = '.';

/** `parseService` of the result gives an equal definition, without checks. */
export function encodeService(service: ServiceDefinition): Record<string, unknown> {
  return {
    ID: service.id,
    Name: service.name,
    Tags: service.tags,
    ...(service.ports.length === 0
      ? { Port: service.port }
      : {
          Ports: service.ports.map(({ name, port, isDefault }) => ({
            Name: name,
            Port: port,
            Default: isDefault,
          })),
        }),
    Address: service.address,
    TaggedAddresses: Object.fromEntries(
      [...service.taggedAddresses].map(([name, { address, port }]) => [
        name,
        { Address: address, Port: port },
      ]),
    ),
    Meta: Object.fromEntries(service.meta),
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    EnableTagOverride: service.enableTagOverride,
  };
}

/** `parseCheck` of the result, with `THIS_NODE` as node, gives an equal definition. Not for maintenance checks. */
export function encodeCheck(check: CheckDefinition): Record<string, unknown> {
  return {
    CheckID: check.id,
    Name: check.name,
    Notes: check.notes,
    ServiceID: check.serviceId,
    Status: check.initial,
    ...(check.interval > 0
      ? { Interval: formatDuration(check.interval), Timeout: formatDuration(check.timeout) }
      : {}),
    SuccessBeforePassing: check.successBeforePassing,
    FailuresBeforeWarning: check.failuresBeforeWarning,
    FailuresBeforeCritical: check.failuresBeforeCritical,
    DeregisterCriticalServiceAfter: formatDuration(check.deregisterCriticalAfter),
    OutputMaxSize: check.outputMaxBytes,
    ...encodeProbe(check.probe),
  };
}

function encodeProbe(probe: CheckProbe): Record<string, unknown> {
  switch (probe.kind) {
    case 'http':
      return {
        HTTP: probe.url,
        Method: probe.method,
        Header: Object.fromEntries(probe.headers),
        Body: probe.body,
        ...encodeTls(probe),
        DisableRedirects: !probe.followRedirects,
      };
    case 'tcp':
      return { TCP: probe.target, TCPUseTLS: probe.tls, ...encodeTls(probe) };
    case 'udp':
      return { UDP: probe.target };
    case 'hold':
      return { Hold: probe.target };
    case 'ttl':
      return { TTL: formatDuration(probe.ttl) };
    case 'grpc':
      return { GRPC: `${probe.target}/${probe.service}`, GRPCUseTLS: probe.tls, ...encodeTls(probe) };
    case 'h2ping':
      return { H2PING: probe.target, H2PingUseTLS: probe.tls, TLSSkipVerify: probe.tlsSkipVerify };
    case 'alias':
      return probe.serviceId === '' ? { AliasNode: THIS_NODE } : { AliasService: probe.serviceId };
    case 'exec':
      return { Args: probe.argv };
    case 'reported':
    case 'maintenance':
    case 'lease':
      return {};
  }
}

const encodeTls = (probe: { readonly tlsServerName: string; readonly tlsSkipVerify: boolean }) => ({
  TLSServerName: probe.tlsServerName,
  TLSSkipVerify: probe.tlsSkipVerify,
});
