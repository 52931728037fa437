/** `/v1/hearsay/findings` and `/v1/hearsay/pairs`: what is wrong, and how the ways between agents are. Field names are a contract. */
import { AgentError } from '../../../base/errors.ts';
import { uintParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf, nullable, object, oneOf, string, strings } from '../../endpoint/schema.ts';
import { measureSome, PAIRS_SCHEMA, surveyPairs } from '../../hearsay/links.ts';

const FINDING_SCHEMA = object({
  layer: oneOf('host', 'pairs', 'cluster', 'services'),
  code: string,
  severity: oneOf('error', 'warning', 'note'),
  nodes: strings,
  sentence: string,
  evidence: strings,
  fix: string,
});

/** `GET /v1/hearsay/findings`: as this agent sees it, the worst first. `waitingFor` says what it does not know yet. */
export const hearsayFindings = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/findings',
  summary: 'What is wrong as far as this agent can tell at once, each with what mends it',
  responseSchema: object({ findings: arrayOf(FINDING_SCHEMA), waitingFor: nullable(string) }),
  handler: async ({ site }) => {
    measureSome(site);
    const { findFaults } = await import('../../hearsay/findings.ts'); // with the rules, which an agent may never need
    const readiness = site.agent.view.readiness();
    return { findings: findFaults(site), waitingFor: readiness.ready ? null : readiness.reason };
  },
});

const DEFAULT_COUNT = 4;
const MAX_COUNT = 8;

/** `GET /v1/hearsay/pairs?count=4`: each agent measures the ways to so many others. It takes two to four seconds. */
export const hearsayPairs = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/pairs',
  summary: 'The ways between agents, measured now from each to a few others',
  query: { count: uintParam },
  responseSchema: PAIRS_SCHEMA,
  handler: ({ query: { count }, site, onDisconnect }) => {
    if (count > MAX_COUNT)
      throw new AgentError('badRequest', `Invalid count: each agent tests 1 to ${MAX_COUNT} others`);
    return surveyPairs(site, count === 0 ? DEFAULT_COUNT : count, onDisconnect);
  },
});
