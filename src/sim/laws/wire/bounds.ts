/**
 * I11, as far as it shows outside: no host knows more members than there have been, no queue grows beyond its bound, no
 * datagram is larger than the limit, local health stays in its range, and no snapshot is full of outsiders.
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';
import { subscribeDatagrams } from './wiretap.ts';

/** Messages that may be queued for each member there has been: its state, and its intent. */
const PER_MEMBER: Readonly<Record<string, number>> = { membership: 1, intents: 1 };
/** Rumors that may be queued for each entry there has been: itself, and an announcement of its owner. */
const PER_ENTRY = 2;
/** Names that no host of the world has: outsiders and invented names. */
const MAX_OUTSIDERS = 8;

export class BoundsLaw implements Law {
  readonly #context: LawContext;
  readonly #introduced = new Set<string>();
  /** Keys of the entries that hosts were told to publish, removed ones included; an owner counts as one at least. */
  readonly #entries = new Set<string>();

  constructor(context: LawContext) {
    this.#context = context;
    subscribeDatagrams(context.world, (from, _to, _messages, { length }) => {
      const { packetBytes } = from.swim;
      if (length > packetBytes)
        context.reportViolation(
          `I11 ${from.label} sent a datagram of ${length} octets, and the limit is ${packetBytes}`,
        );
    });
  }

  onStart(host: SimHost): void {
    this.#introduced.add(host.name);
    this.#entries.add(host.name);
  }

  onCommand(host: SimHost, command: Command): void {
    for (const key of publishedKeys(command)) this.#entries.add(`${host.name} ${key}`);
  }

  checkPeriodically(host: SimHost): void {
    const { reportViolation, judged } = this.#context;
    judged('I11');
    const { view } = host.runningAgent;
    const maxMembers = this.#introduced.size + MAX_OUTSIDERS;
    const known = view.members().length;
    if (known > maxMembers)
      reportViolation(`I11 ${host.label} knows ${known} members of ${this.#introduced.size}`);
    const { lanes, awareness } = view.health();
    for (const [lane, size] of Object.entries(lanes)) {
      const bound = maxMembers * (PER_MEMBER[lane] ?? 0);
      if (bound > 0 && size > bound)
        reportViolation(`I11 at ${host.label} ${size} messages wait in ${lane}, and the bound is ${bound}`);
    }
    const rumors = (lanes['urgent'] ?? 0) + (lanes['catalog'] ?? 0);
    const maxRumors = PER_ENTRY * (this.#entries.size + MAX_OUTSIDERS);
    if (rumors > maxRumors)
      reportViolation(
        `I11 at ${host.label} ${rumors} rumors wait, and the bound is ${maxRumors} for ${this.#entries.size} entries`,
      );
    if (awareness < 0 || awareness >= host.swim.awarenessMax)
      reportViolation(`I11 ${host.label} has a local health of ${awareness}`);
    const peers = host.disk.snapshot?.peers.length ?? 0;
    if (peers > maxMembers)
      reportViolation(`I11 ${host.label} saved ${peers} members of ${this.#introduced.size}`);
  }
}

/** The entries that a command makes its agent publish, or remove. */
function publishedKeys(command: Command): readonly string[] {
  switch (command.kind) {
    case 'registerService':
      return [`s:${command.service.id}`, ...command.checks.map(({ id }) => `c:${id}`)];
    case 'registerNode': {
      const { node, service, checks } = command.registration;
      const keys = ['n', `s:${service?.id}`, ...checks.map(({ definition: { id } }) => `c:${id}`)];
      return keys.map((key) => `x:${node.name} ${key}`);
    }
    case 'registerCheck':
      return [`c:${command.check.id}`];
    case 'maintenance':
      return [`c:maintenance of ${command.service ?? 'the node'}`];
    default:
      return [];
  }
}
