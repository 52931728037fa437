/** `/v1/hearsay/why`: one call that explains an answer. Field names are a contract. */
import { flag, pairs, text, list as texts } from '../query.ts';
import { route } from '../route.ts';
import {
  any,
  list,
  nullable,
  number,
  object,
  optional,
  text as plainText,
  flag as yesNo,
} from '../schema/kinds.ts';
import { SERVICE_ENTRY } from '../schema/shapes.ts';
import { serviceTopics } from '../topics.ts';
import { required } from '../where.ts';
import { nothingFound, reportOn, unseen } from '../why.ts';
import { sightings } from '../world.ts';

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
