/**
 * I11, as far as it shows outside: no host knows more members than there have been, no queue grows beyond its bound, no
 * datagram is larger than the limit, local health stays in its range, and no snapshot is full of outsiders.
 * Rumors are judged in catalog/rumor-bounds.ts.
 */
import { LONGEST } from '../../../agent/links/link-test.ts';
import { LINK_TYPE } from '../../../wire/links.ts';
import { MESSAGE_TYPE } from '../../../wire/memberlist.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';
import { subscribeDatagrams } from './wiretap.ts';

/** Messages that may be queued for each member there has been: its state, and its intent. */
const PER_MEMBER: Readonly<Record<string, number>> = { membership: 1, intents: 1 };
/** Names that no host of the world has: outsiders and invented names. */
const MAX_OUTSIDERS = 8;

export class BoundsLaw implements Law {
  readonly #context: LawContext;
  readonly #introduced = new Set<string>();

  constructor(context: LawContext) {
    this.#context = context;
    subscribeDatagrams(context.world, (from, _to, messages, { length }) => {
      const isLinkTest = messages?.[0]?.[0] === MESSAGE_TYPE.user && messages[0][1] === LINK_TYPE.linkPing;
      const packetBytes = isLinkTest ? LONGEST : from.swim.packetBytes;
      if (length > packetBytes)
        context.reportViolation(
          `I11 ${from.label} sent a datagram of ${length} octets, and the limit is ${packetBytes}`,
        );
    });
  }

  onStart(host: SimHost): void {
    this.#introduced.add(host.name);
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
    if (awareness < 0 || awareness >= host.swim.awarenessMax)
      reportViolation(`I11 ${host.label} has a local health of ${awareness}`);
    const peers = host.disk.snapshot?.peers.length ?? 0;
    if (peers > maxMembers)
      reportViolation(`I11 ${host.label} saved ${peers} members of ${this.#introduced.size}`);
  }
}
