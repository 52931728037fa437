/** Names that the agent knows now, for completion. */
import type { CliContext } from '../command.ts';
import { type Client, type ClientOptions, createClient } from './client.ts';
import { JobInfosSchema } from './jobs.ts';
import {
  CatalogServicesSchema,
  type MemberInfo,
  MembersSchema,
  parseResponse,
  RecordSchema,
} from './schemas.ts';

export type NameKind = 'members' | 'down members' | 'services' | 'own services' | 'own tags' | 'jobs';

/** What the arguments of commands name. */
export const NAME_ARGUMENTS: Readonly<Record<string, readonly NameKind[]>> = {
  deregister: ['own services'],
  drain: ['own services'],
  'drain off': ['own services'],
  'drain on': ['own services'],
  forget: ['down members'],
  jobs: ['jobs'],
  'jobs pause': ['jobs'],
  'jobs remove': ['jobs'],
  'jobs resume': ['jobs'],
  'jobs run': ['jobs'],
  'maint off': ['own services'],
  'maint on': ['own services'],
  resolve: ['services'],
  rtt: ['members'],
  services: ['services'],
  'tags delete': ['own tags'],
  'watch service': ['services'],
  why: ['services', 'members'],
};

/** What the values of options name. */
export const NAME_OPTIONS: Readonly<Record<string, readonly NameKind[]>> = {
  'owner --service': ['services'],
  'partitions --service': ['services'],
  'query --node': ['members'],
  'run --service': ['services'],
  'watch owner --service': ['services'],
};

/** Shells expand what they are offered, so other names are left out: they may come from anybody. */
const SAFE_NAME = /^[\w.:@/-]+$/;
const MAX_NAMES = 1000;

/** Without duplicates; empty if the agent does not answer at once. Never rejects. */
export async function listNames(
  cli: CliContext,
  options: ClientOptions,
  kinds: readonly NameKind[],
): Promise<readonly string[]> {
  if (kinds.length === 0) return [];
  try {
    const client = await createClient(cli, options);
    const lists = await Promise.all(kinds.map((kind) => SOURCES[kind](client)));
    return [...new Set(lists.flat())].filter((name) => SAFE_NAME.test(name)).slice(0, MAX_NAMES);
  } catch {
    return []; // a shell has no place for an error here
  }
}

const listMembers = async (client: Client): Promise<readonly MemberInfo[]> =>
  parseResponse(MembersSchema, await client.get('/v1/hearsay/members', 'quick'), client);

const SOURCES: Readonly<Record<NameKind, (client: Client) => Promise<readonly string[]>>> = {
  jobs: async (client) =>
    parseResponse(JobInfosSchema, await client.get('/v1/hearsay/jobs', 'quick'), client).map(
      ({ name }) => name,
    ),
  members: async (client) => (await listMembers(client)).map(({ name }) => name),
  'down members': async (client) =>
    (await listMembers(client))
      .filter(({ status }) => status === 'failed' || status === 'left')
      .map(({ name }) => name),
  services: async (client) =>
    Object.keys(
      parseResponse(CatalogServicesSchema, await client.get('/v1/catalog/services', 'quick'), client),
    ),
  'own services': async (client) =>
    Object.keys(parseResponse(RecordSchema, await client.get('/v1/agent/services', 'quick'), client)),
  'own tags': async (client) =>
    (await listMembers(client)).filter(({ self }) => self).flatMap(({ tags }) => Object.keys(tags)),
};
