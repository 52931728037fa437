/** Asking other agents for their part of a story, and answering them. */
import { text, utf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { TESTIMONY } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { AskedQuestion, SerfEffect } from '../../serf/types.ts';
import { isName } from '../../wire/memberlist.ts';
import type { Evident } from '../contract/evidence.ts';
import { CAPABILITY, CAPABILITY_TAG } from '../replication/catalog-peers.ts';
import type { Evidence } from './log.ts';
import { testify } from './witness-report.ts';

/** Witnesses that are asked without waiting for gossip. */
const MAX_FIRST = 8;

/** Answers a query about evidence; `undefined`: it is about something else. */
export function witness(
  evidence: Evidence,
  self: string,
  query: string,
  payload: Uint8Array,
  now: Millis,
): Uint8Array | undefined {
  return query === TESTIMONY ? testify(evidence.about(text(payload)), evidence.birth, self, now) : undefined;
}

/**
 * Asks all agents of our kind what they saw of `node`; those whom our own evidence names hear it first. It is over when
 * all have answered, or after `timeout`. Throws `AgentError`; then nobody was asked.
 */
export function inquire(
  serf: Serf,
  evidence: Evidence,
  node: string,
  timeout: Millis,
  now: Millis,
  out: SerfEffect[],
): AskedQuestion {
  if (!isName(node)) throw new AgentError('badRequest', 'the name of a node has 1 to 128 bytes');
  const question = {
    name: TESTIMONY,
    payload: utf8(node),
    nodes: [],
    tags: new Map([[CAPABILITY_TAG, `^${CAPABILITY}$`]]),
    ack: false,
    relayFactor: 0,
    timeout,
    first: [...new Set([node, ...namedIn(evidence, node)])].slice(0, MAX_FIRST),
  };
  const asked = [...serf.view.all()].filter(
    ({ status, tags }) => status === 'alive' && tags.get(CAPABILITY_TAG) === CAPABILITY,
  ).length;
  return serf.ask(question, now, out, ({ responses }) => responses.length >= asked);
}

/** The latest first. */
function namedIn(evidence: Evidence, node: string): readonly string[] {
  const exhibits = evidence.about(node)?.exhibits ?? [];
  return exhibits.flatMap(({ fact }) => accusersIn(fact)).reverse();
}

/** Who said it, in words that name somebody. */
function accusersIn(fact: Evident): readonly string[] {
  switch (fact.kind) {
    case 'memberSuspected':
    case 'suspicionConfirmed':
    case 'suspicionRefuted':
      return [fact.by];
    case 'memberDeclaredDead':
      return fact.reason.kind === 'timeout' ? [...fact.reason.accusers, fact.by] : [fact.by];
    default:
      return [];
  }
}
