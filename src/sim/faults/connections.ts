/** Faults of connections: what is between hosts resets, forgets or rejects their streams, or a process has no files left. */
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import type { FaultDefinitions, Sampler } from './fault.ts';

/** One host and all others, or two hosts. */
type ConnectionChoice = { readonly host: string } | { readonly link: readonly [string, string] };

export interface ConnectionFaults {
  /** A NAT or a firewall that was restarted resets the streams of a host. */
  natReset: { readonly between: ConnectionChoice };
  /** A NAT or a firewall forgets idle streams, and drops what is sent on them. */
  conntrackTimeout: { readonly between: ConnectionChoice };
  /** A firewall answers with a refusal: for one direction of a link, or for all that is sent to a host. Open streams are reset. */
  firewallReject: { readonly between: ConnectionChoice };
  /** The process can open no more files, and its streams are reset meanwhile, so that they are dialed again. */
  fdExhaustion: { readonly host: string };
}

const drawConnections = ({ host, twoHosts, coin }: Sampler): ConnectionChoice =>
  coin() ? { host: host() } : { link: twoHosts() };

const hostsOf = (choice: ConnectionChoice): readonly string[] =>
  'host' in choice ? [choice.host] : choice.link;

function forEachPair(world: World, choice: ConnectionChoice, act: (a: SimHost, b: SimHost) => void): void {
  if ('link' in choice) return act(world.host(choice.link[0]), world.host(choice.link[1]));
  const host = world.host(choice.host);
  for (const other of world.hosts) if (other !== host) act(host, other);
}

export const connectionFaults: FaultDefinitions<ConnectionFaults> = {
  natReset: {
    maxSpan: 1000,
    draw: (sampler) => ({ between: drawConnections(sampler) }),
    inject: (world, { between }) => forEachPair(world, between, (a, b) => world.streams.reset(a, b)),
    affected: () => [],
  },
  conntrackTimeout: {
    maxSpan: 1000,
    draw: (sampler) => ({ between: drawConnections(sampler) }),
    inject: (world, { between }) => forEachPair(world, between, (a, b) => world.streams.forget(a, b)),
    affected: () => [],
  },
  firewallReject: {
    maxSpan: 60_000,
    draw: (sampler) => ({ between: drawConnections(sampler) }),
    inject: (world, { between }, over) => {
      const rule = 'link' in between ? { links: [between.link] } : { to: [between.host] };
      over(world.network.addRule({ ...rule, reject: true }));
      forEachPair(world, between, (a, b) => world.streams.reset(a, b));
    },
    affected: ({ between }) => hostsOf(between),
  },
  fdExhaustion: {
    maxSpan: 30_000,
    draw: ({ host }) => ({ host: host() }),
    inject: (world, { host: label }, over) => {
      const host = world.host(label);
      host.outOfFiles = true;
      forEachPair(world, { host: label }, (a, b) => world.streams.reset(a, b));
      over(() => {
        host.outOfFiles = false;
      });
    },
  },
};
