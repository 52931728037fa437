/**
 * I20: an agent that starts where there is somebody to ask does not call itself ready, within its patience, before it
 * knows what some other host knows: "there is none" is never said of a service that a peer has known all along.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { MemberView } from '../../../agent/contract/view.ts';
import { PATIENCE } from '../../../agent/readers/readiness.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** A drifting clock is a product of fractions. */
const ROUNDING: Millis = 1;

/** A start that is not judged yet. */
interface Start {
  readonly at: Millis;
  /** By host that ran then: the services of others that it knew to be up. */
  readonly known: ReadonlyMap<SimHost, ReadonlySet<string>>;
  /** Which process of each of them that was. */
  readonly boots: ReadonlyMap<SimHost, number>;
}

export class FirstAnswerLaw implements Law {
  readonly #context: LawContext;
  readonly #starts = new Map<SimHost, Start>();
  /** Services that each name has registered now, or had at its end: a peer may not know that one was removed. */
  readonly #registered = new Map<string, ReadonlySet<string>>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#starts.delete(host);
    this.#recordRegistered(host);
    if (host.runningAgent.view.readiness().ready) return; // nobody to ask
    const known = new Map<SimHost, ReadonlySet<string>>();
    const boots = new Map<SimHost, number>();
    for (const other of this.#context.world.hosts) {
      // Two of one name do not count as peers of each other.
      if (other !== host && other.name === host.name) return;
      if (other === host || !other.running) continue;
      known.set(other, this.#servicesKnown(other, host.name));
      boots.set(other, other.bootCount);
    }
    this.#starts.set(host, { at: this.#context.world.now, known, boots });
  }

  onFact(host: SimHost, { kind }: Fact): void {
    if (kind === 'serviceRegistered' || kind === 'serviceDeregistered') this.#recordRegistered(host);
  }

  checkHost(host: SimHost): void {
    const start = this.#starts.get(host);
    if (start === undefined || host.agent?.view.readiness().ready !== true) return;
    this.#starts.delete(host);
    const { now } = this.#context.world;
    if (host.toHostTime(now) - host.toHostTime(start.at) > PATIENCE - ROUNDING) return;
    const peers = [...start.known].filter(([peer]) => peer.running);
    // A host that started meanwhile knows as little, and may be the one that was asked.
    for (const other of this.#context.world.hosts)
      if (other !== host && other.running && start.boots.get(other) !== other.bootCount) return;
    // A peer that died meanwhile may be the one that was asked; a Serf peer has no catalog to ask for.
    if (peers.length < start.known.size || peers.some(([peer]) => peer.options.serfPeer === true)) return;
    if (peers.some(([, known]) => known.size > 0)) this.#context.judged('I20');
    const missing = peers.map(([peer, known]) => this.#missing(host, peer, known));
    if (missing.length === 0 || missing.some((names) => names.length === 0)) return;
    this.#context.reportViolation(
      `I20 ${host.label} is ready ${Math.round(now - start.at)} ms after its start and knows no ${missing[0]?.join(', ')}`,
    );
  }

  #recordRegistered({ name, agent }: SimHost): void {
    if (agent === undefined) return;
    const names = [...agent.view.local.services().values()].map(({ definition }) =>
      definition.name.toLowerCase(),
    );
    this.#registered.set(name, new Set(names));
  }

  /** The services that the peer knew at the start, and still knows, and the host does not, though they are not removed. */
  #missing(host: SimHost, peer: SimHost, known: ReadonlySet<string>): readonly string[] {
    const still = this.#servicesKnown(
      peer,
      host.name,
      (node, name) => this.#registered.get(node)?.has(name) !== false,
    );
    const { catalog } = host.runningAgent.view;
    return [...known]
      .filter((service) => still.has(service))
      .map((service) => service.slice(service.indexOf('/') + 1))
      .filter((name) => catalog.instances(name).length === 0);
  }

  /**
   * Two hosts have had this name: of a copy from before the start only the owner can tell whose it is, and its word may come after the
   * first exchange.
   */
  #isShared(node: string): boolean {
    return [...this.#context.world.hosts].filter(({ name }) => name === node).length > 1;
  }

  /**
   * Services, as `node/name`, with an instance on a node that the observer sees up, other than `except`. What it only
   * restored it does not pass on.
   */
  #servicesKnown(
    observer: SimHost,
    except: string,
    counts: (node: string, service: string) => boolean = () => true,
  ): ReadonlySet<string> {
    const { view } = observer.runningAgent;
    const services = new Set<string>();
    for (const { node, unconfirmed, instances } of view.catalog.nodes())
      if (node !== except && !unconfirmed && isUp(view.member(node)?.status) && !this.#isShared(node))
        for (const { service } of instances) {
          const name = service.name.toLowerCase();
          if (counts(node, name)) services.add(`${node}/${name}`);
        }
    return services;
  }
}

const isUp = (status: MemberView['status'] | undefined): boolean =>
  status === 'alive' || status === 'suspect';
