/**
 * I12 for every lane: a lane that is not empty sends a message within a few rounds of gossip, whatever the other lanes
 * hold. That an owner's own changes are sent in time is checked in catalog.ts.
 */

import type { MemberView } from '../../../agent/contract/view.ts';
import type { Millis } from '../../../base/time.ts';
import { CAPABILITY_TAG } from '../../../model/capability.ts';
import { isCatalogType } from '../../../wire/catalog.ts';
import { MESSAGE_TYPE } from '../../../wire/memberlist.ts';
import { SERF_TYPE } from '../../../wire/serf.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';
import { subscribeDatagrams } from './wiretap.ts';

/** Rounds within which each lane is first once: six lanes, and every fourth of three packets a round. */
const MAX_ROUNDS = 8;
/** How often lanes are checked. */
const CHECK_EVERY: Millis = 1000;

/** Messages of the two catalog lanes look alike, so the two count as one. */
const LANES = {
  membership: ['membership'],
  intents: ['intents'],
  queries: ['queries'],
  events: ['events'],
  catalog: ['urgent', 'catalog'],
} as const;
type Lane = keyof typeof LANES;

const NAMES = Object.keys(LANES) as readonly Lane[];

export class LaneLaw implements Law {
  readonly #context: LawContext;
  /** Since when each lane of a host has been waiting without sending. */
  readonly #since = new Map<SimHost, Map<Lane, Millis>>();

  constructor(context: LawContext) {
    this.#context = context;
    subscribeDatagrams(context.world, (from, _to, messages) => {
      for (const message of messages ?? []) {
        const lane = laneOf(message);
        if (lane !== undefined) this.#since.get(from)?.delete(lane);
      }
    });
  }

  onStart(host: SimHost): void {
    this.#since.set(host, new Map());
  }

  checkPeriodically(host: SimHost): void {
    const since = this.#since.get(host);
    if (since === undefined) return;
    const { now } = this.#context.world;
    const { view } = host.runningAgent;
    const { lanes, leaving } = view.health();
    for (const lane of NAMES) {
      const waiting = LANES[lane].reduce((sum, name) => sum + (lanes[name] ?? 0), 0);
      if (
        waiting === 0 ||
        host.paused ||
        leaving ||
        !view.members().some((one) => canReceive(one, lane, host))
      ) {
        since.delete(lane);
        continue;
      }
      this.#context.judged('I12');
      const start = since.get(lane);
      if (start === undefined) since.set(lane, now);
      else if (now - start > MAX_ROUNDS * host.swim.gossipInterval + CHECK_EVERY) {
        this.#context.reportViolation(
          `I12 ${host.label} has had ${waiting} in ${lane} for ${Math.round(now - start)} ms, and sent none of it`,
        );
        since.delete(lane);
      }
    }
  }
}

/** Whether gossip surely goes to this member. Catalog messages go only to members with the capability tag. */
const canReceive = ({ name, status, tags }: MemberView, lane: Lane, host: SimHost): boolean =>
  name !== host.name && status === 'alive' && (lane !== 'catalog' || tags.has(CAPABILITY_TAG));

function laneOf(message: Uint8Array): Lane | undefined {
  const type = message[0];
  if (type === MESSAGE_TYPE.alive || type === MESSAGE_TYPE.suspect || type === MESSAGE_TYPE.dead)
    return 'membership';
  if (type !== MESSAGE_TYPE.user) return undefined;
  const inner = message[1] ?? -1;
  if (inner === SERF_TYPE.leave || inner === SERF_TYPE.join) return 'intents';
  if (inner === SERF_TYPE.query) return 'queries';
  if (inner === SERF_TYPE.userEvent) return 'events';
  return isCatalogType(inner) ? 'catalog' : undefined;
}
