/** `/v1/hearsay/why`: one call that explains an answer, or what is thought of a member. Field names are a contract. */
import { AgentError } from '../../../base/errors.ts';
import { SERVICE_ENTRY } from '../../consul/schemas.ts';
import { duration, flag, type Param, pairs, text, list as texts } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import {
  any,
  list,
  nullable,
  number,
  object,
  optional,
  text as plainText,
  flag as yesNo,
} from '../../endpoint/schema.ts';
import { storyOf } from '../../hearsay/why-node.ts';
import { nothingFound, reportOn, unseen } from '../../hearsay/why-service.ts';
import { sightings } from '../../pool/pool.ts';
import { required } from '../../pool/selectors.ts';
import { serviceTopics } from '../../pool/topics.ts';

const REASON = object({
  kind: plainText,
  excludes: yesNo,
  says: plainText,
  by: plainText,
  sinceMs: nullable(number),
  check: optional(plainText),
  status: optional(plainText),
});

const REPORT = object({
  id: plainText,
  node: plainText,
  address: plainText,
  port: number,
  status: plainText,
  answers: object({ usable: yesNo, passing: yesNo, asked: yesNo }),
  verdict: plainText,
  reasons: list(REASON),
});

/**
 * The parameters of `health/service` are taken, too, and what they leave out is said. With no instance to report on,
 * `unseen` names the members of which this agent knows no service.
 */
export const hearsayWhy = route({
  method: 'GET',
  path: '/v1/hearsay/why',
  summary: 'Why each instance of a service is, or is not, in the answers',
  query: { service: text, id: text, tag: texts, passing: flag, 'node-meta': pairs, peer: text },
  filters: SERVICE_ENTRY,
  shows: object({ service: plainText, verdict: plainText, instances: list(REPORT), unseen: list(any) }),
  watch: ({ query, site }) => [...serviceTopics(site, query.service), 'nodes'],
  fleeting: true,
  answer: ({ query: { id, ...query }, site, matches }) => {
    const service = required(query.service, 'service name');
    const instances = sightings(site, service, new Map())
      .filter(({ instance }) => id === '' || instance.service.id === id)
      .map((sighting) => reportOn(sighting, site, { ...query, matches }));
    const usable = instances.filter(({ answers }) => answers.usable && answers.asked).length;
    return {
      service,
      verdict:
        instances.length === 0
          ? nothingFound(site, service, id)
          : `${usable} of ${instances.length} in the answers`,
      instances,
      unseen: instances.length === 0 ? unseen(site) : [],
    };
  },
});

/** What stands there depends on the kind. */
const EVENT = object({
  at: plainText,
  agoMs: number,
  seenBy: plainText,
  says: plainText,
  kind: plainText,
  times: optional(number),
  lastAt: optional(plainText),
  ...Object.fromEntries(
    ['node', 'by', 'source', 'held', 'claimed', 'address', 'other', 'why', 'status'].map((name) => [
      name,
      optional(plainText),
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['incarnation', 'deadlineMs', 'untilMs', 'confirmations', 'rounds', 'score', 'lateness'],
      ...['awareness', 'ours', 'others', 'ltime'],
    ].map((name) => [name, optional(number)]),
  ),
  left: optional(yesNo),
  encrypted: optional(yesNo),
  reason: optional(any),
});

/** True unless it says otherwise. */
const asks: Param<boolean> = (values, name) => values.length === 0 || flag(values, name);

const INQUIRY_TIMEOUT = 1000;

function within(timeout: number): number {
  if (timeout < 10 || timeout > 10_000) throw new AgentError('badRequest', 'the timeout must be 10ms to 10s');
  return timeout;
}

/** `GET /v1/hearsay/why/:node`: why a member is taken for what it is, as this agent and others saw it. */
export const hearsayWhyNode = route({
  method: 'GET',
  path: '/v1/hearsay/why/:node...',
  summary: 'Why a member is taken for alive, suspect or failed: the evidence in order, and a verdict',
  query: { ask: asks, timeout: duration },
  shows: object({
    node: plainText,
    status: nullable(plainText),
    verdict: plainText,
    finding: plainText,
    likely: nullable(plainText),
    asked: nullable(
      object({ answered: list(plainText), unreadable: list(plainText), why: nullable(plainText) }),
    ),
    dropped: number,
    events: list(EVENT),
  }),
  answer: ({ params, query: { ask, timeout }, site, gone }) =>
    storyOf(
      site,
      required(params.node, 'node name'),
      ask ? within(timeout ?? INQUIRY_TIMEOUT) : undefined,
      gone,
    ),
});
