/** All mutants. */
import type { Mutant } from './mutant.ts';
import { agentMutants } from './rooms/agent.ts';
import { catalogMutants } from './rooms/catalog.ts';
import { checksMutants } from './rooms/checks.ts';
import { connectionMutants } from './rooms/connections.ts';
import { costMutants } from './rooms/cost.ts';
import { dnsMutants } from './rooms/dns.ts';
import { evidenceMutants } from './rooms/evidence.ts';
import { hostileMutants } from './rooms/hostile.ts';
import { httpMutants } from './rooms/http.ts';
import { huntMutants } from './rooms/hunt.ts';
import { moreHuntMutants } from './rooms/hunt-more.ts';
import { jobMutants } from './rooms/jobs.ts';
import { localityMutants } from './rooms/locality.ts';
import { newsMutants } from './rooms/news.ts';
import { partitionMutants } from './rooms/partitions.ts';
import { registerMutants } from './rooms/register.ts';
import { replicationMutants } from './rooms/replication.ts';
import { rpcMutants } from './rooms/rpc.ts';
import { serfMutants } from './rooms/serf.ts';
import { servedMutants } from './rooms/served.ts';
import { shellMutants } from './rooms/shell.ts';
import { swimMutants } from './rooms/swim.ts';
import { swimRulesMutants } from './rooms/swim-rules.ts';
import { syncMutants } from './rooms/sync.ts';
import { tableMutants } from './rooms/tables.ts';
import { walkMutants } from './rooms/walks.ts';
import { wireMutants } from './rooms/wire.ts';

export const MUTANTS: readonly Mutant[] = [
  ...wireMutants,
  ...swimMutants,
  ...swimRulesMutants,
  ...newsMutants,
  ...tableMutants,
  ...costMutants,
  ...connectionMutants,
  ...serfMutants,
  ...catalogMutants,
  ...localityMutants,
  ...agentMutants,
  ...replicationMutants,
  ...servedMutants,
  ...evidenceMutants,
  ...checksMutants,
  ...jobMutants,
  ...partitionMutants,
  ...shellMutants,
  ...httpMutants,
  ...rpcMutants,
  ...syncMutants,
  ...registerMutants,
  ...dnsMutants,
  ...hostileMutants,
  ...huntMutants,
  ...moreHuntMutants,
  ...walkMutants,
];
