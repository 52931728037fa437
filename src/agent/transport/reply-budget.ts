/**
 * The reply budget of one datagram: its source may be forged, and the address in a ping is anybody's choice. So what is sent because of it
 * must not be worth an attacker's while (S31 in docs/security.md).
 *
 * Differs: memberlist answers everything, and a datagram of 500 bytes draws 600 kB onto a third party.
 */
import type { Standing } from '../../swim/types.ts';

/** To outsiders goes one packet, of at most this many times the bytes of the datagram. */
const MAX_AMPLIFICATION = 3;
/** To members that never answered, whom the datagram's sender may have invented: an ack and a response, say. */
const MAX_REPLIES_TO_UNANSWERED = 2;
/** To members: an ack and a down notification, say, or the responses to a query and their relays. */
const MAX_REPLIES_TO_MEMBERS = 32;

export class ReplyBudget {
  readonly #maxOutsiderBytes: number;
  #outsiderReplies = 0;
  #unansweredReplies = 0;
  #memberReplies = 0;
  #withheld = 0;
  #hasGossip = false;

  /** `bytes`: the size of the datagram that is being handled. */
  constructor(bytes: number) {
    this.#maxOutsiderBytes = MAX_AMPLIFICATION * bytes;
  }

  /** Packets that were not sent. */
  get withheld(): number {
    return this.#withheld;
  }

  /** Gossip goes with one packet because of a datagram: a member's address may be one that somebody else wrote into it. */
  trySpendGossip(): boolean {
    if (this.#hasGossip) return false;
    this.#hasGossip = true;
    return true;
  }

  /** May one more packet be sent? `bytes` counts for an outsider only. */
  trySpend(to: Standing, bytes: number): boolean {
    if (to === 'answered' && this.#memberReplies < MAX_REPLIES_TO_MEMBERS) this.#memberReplies += 1;
    else if (to === 'unanswered' && this.#unansweredReplies < MAX_REPLIES_TO_UNANSWERED)
      this.#unansweredReplies += 1;
    else if (to === 'outsider' && this.#outsiderReplies === 0 && bytes <= this.#maxOutsiderBytes)
      this.#outsiderReplies += 1;
    else {
      this.#withheld += 1;
      return false;
    }
    return true;
  }
}
