/** Witness queries: the Serf queries by which agents request each other's witness reports, and the answers to them. */
import { decodeUtf8, encodeUtf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { CAPABILITY, CAPABILITY_TAG } from '../../model/capability.ts';
import { WITNESS_QUERY } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryDefinition, QueryReport, SerfEffect } from '../../serf/types.ts';
import { isMemberName } from '../../wire/memberlist.ts';
import type { EvidenceFact } from '../contract/evidence.ts';
import type { EvidenceLog } from './log.ts';
import { buildWitnessReport } from './witness-report.ts';

/** Witnesses that get the query directly, without waiting for gossip. */
const MAX_DIRECT = 8;

/** The witness report that answers `query`; `undefined` if it is no witness query. */
export function answerWitnessQuery(
  evidence: EvidenceLog,
  self: string,
  query: string,
  payload: Uint8Array,
  now: Millis,
): Uint8Array | undefined {
  return query === WITNESS_QUERY
    ? buildWitnessReport(evidence.forNode(decodeUtf8(payload)), evidence.boot, self, now)
    : undefined;
}

/**
 * Queries all hearsay agents for what they saw of `node`; those that our own evidence names get the query directly,
 * before gossip brings it to the others. It ends when all have answered, or after `timeout`. Throws `AgentError`; then
 * no agent was queried.
 */
export function startWitnessQuery(
  { serf, evidence }: { readonly serf: Serf; readonly evidence: EvidenceLog },
  node: string,
  timeout: Millis,
  now: Millis,
  out: SerfEffect[],
): QueryReport {
  if (!isMemberName(node))
    throw new AgentError('badRequest', 'a node name has 1 to 255 bytes: check the spelling');
  const query: QueryDefinition = {
    name: WITNESS_QUERY,
    payload: encodeUtf8(node),
    nodes: [],
    tags: new Map([[CAPABILITY_TAG, `^${CAPABILITY}$`]]),
    ack: false,
    relayFactor: 0,
    timeout,
    directTo: [...new Set([node, ...namedIn(evidence, node)])].slice(0, MAX_DIRECT),
  };
  const expected = [...serf.view.all()].filter(
    ({ status, tags, member: { absence } }) =>
      status === 'alive' && absence === undefined && tags.get(CAPABILITY_TAG) === CAPABILITY,
  ).length;
  return serf.query(query, now, out, ({ responses }) => responses.length >= expected);
}

/** Members that accuse `node` in our own evidence, the latest first. */
function namedIn(evidence: EvidenceLog, node: string): readonly string[] {
  const entries = evidence.forNode(node)?.entries ?? [];
  return entries.flatMap(({ fact }) => accusersIn(fact)).reverse();
}

function accusersIn(fact: EvidenceFact): readonly string[] {
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
