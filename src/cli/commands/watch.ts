/** `hearsay watch`: prints the current state, then each change, until it is interrupted. */
import type { Command } from 'commander';
import { joinHostPort } from '../../base/address.ts';
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { watchPath } from '../api/follow.ts';
import { formatEndpoint, type InstanceRow, toInstanceRow } from '../api/instances.ts';
import {
  CatalogServicesSchema,
  KeyOwnersSchema,
  MembersSchema,
  parseResponse,
  type ResolvedInstance,
  ServiceEntriesSchema,
} from '../api/schemas.ts';
import { watchUserEvents } from '../api/user-events.ts';
import { addExample, type CliContext, type CommandBuilder, printNotice, toAction } from '../command.ts';
import { collectValues } from '../input/pairs.ts';
import { diffRows, printChange, type Watch } from '../output/diff.ts';
import { addOwnerOptions, type OwnerOptions, ownerPath } from './owner.ts';
import { healthServicePath } from './services.ts';

export const watchCommand: CommandBuilder = (command, cli) => {
  const sub = (name: string, description: string): Command =>
    addClientOptions(command.command(name), 'Print one JSON object per line').description(description);

  const services = sub('services', 'Watch services appear, disappear and change tags').action(
    toAction(cli, (options: ClientOptions) => watch(cli, options, '/v1/catalog/services', watchServices)),
  );
  addExample(services, 'hearsay watch services');

  const service = sub('service', 'Watch the instances of one service and their health')
    .argument('<name>', 'Name of the service')
    .option('--passing', 'Show only instances whose checks all pass')
    .option(
      '--tag <tag>',
      'Show only instances with this tag; several must all match (repeatable)',
      collectValues,
    )
    .action(
      toAction(cli, (name: string, options: ClientOptions & Parameters<typeof healthServicePath>[1]) =>
        watch(cli, options, healthServicePath(name, options), (client) => watchInstances(client, name)),
      ),
    );
  addExample(service, 'hearsay watch service web --json');

  const members = sub('members', 'Watch members join, leave and fail').action(
    toAction(cli, (options: ClientOptions) => watch(cli, options, '/v1/hearsay/members', watchMembers)),
  );
  addExample(members, 'hearsay watch members');

  const events = sub('events', 'Watch user events, as `hearsay event` and `serf event` fire them').action(
    toAction(cli, (options: ClientOptions) => watch(cli, options, '/v1/event/list', watchUserEvents)),
  );
  addExample(events, 'hearsay watch events --json');

  const owner = addOwnerOptions(sub('owner', 'Watch which instance owns a key')).action(
    toAction(cli, (key: string, options: OwnerOptions) =>
      watch(cli, options, ownerPath(key, options), watchOwners),
    ),
  );
  addExample(owner, 'hearsay watch owner nightly-report --service worker');
  addExample(command, 'hearsay watch service web');
};

async function watch<Row extends object>(
  cli: CliContext,
  options: ClientOptions,
  path: string,
  watchedBy: (client: Client) => Watch<Row>,
): Promise<number> {
  const client = await createClient(cli, options);
  const watched = watchedBy(client);
  let before: ReadonlyMap<string, Row> | undefined;
  return watchPath(cli, client, path, (state) => {
    const after = watched.rows(state);
    const changes = diffRows(watched, before, after);
    if (before === undefined && changes.length === 0)
      printNotice(cli.io, 'nothing to show yet; waiting for changes');
    for (const change of changes)
      if (change.event !== '') printChange(cli, watched, change, options.json === true);
    before = after;
  });
}

const watchServices = (client: Client): Watch<{ name: string; tags: readonly string[] }> => ({
  rows: (state) =>
    new Map(
      Object.entries(parseResponse(CatalogServicesSchema, state, client)).map(([name, tags]) => [
        name,
        { name, tags },
      ]),
    ),
  event: addedOrRemoved,
  cells: ({ name, tags }) => [name, tags.join(',')],
});

const watchInstances = (client: Client, service: string): Watch<InstanceRow & { service: string }> => ({
  rows: (state) =>
    new Map(
      parseResponse(ServiceEntriesSchema, state, client)
        .map(toInstanceRow)
        .map((one) => [JSON.stringify([one.node, one.id]), { service, ...one }]),
    ),
  event: addedOrRemoved,
  cells: (one) => [one.id, one.node, formatEndpoint(one), one.status, one.tags.join(',')],
});

export interface MemberWatchRow {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Members that join, leave, fail and return. */
export const watchMembers = (client: Client): Watch<MemberWatchRow> => ({
  rows: (state) =>
    new Map(
      parseResponse(MembersSchema, state, client).map(({ name, addr, port, status, tags }) => [
        name,
        { name, addr, port, status, tags },
      ]),
    ),
  event: (before, after) => {
    if (after === undefined) return 'reaped';
    if (before?.status === after.status) return 'updated';
    const wasGone = before === undefined || before.status === 'left' || before.status === 'failed';
    return wasGone && after.status === 'alive' ? 'joined' : after.status;
  },
  cells: ({ name, addr, port, status, tags }) => [
    name,
    joinHostPort(addr, port),
    status,
    Object.entries(tags)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  ],
});

interface OwnerRow {
  readonly key: string;
  readonly service: string;
  readonly owners: readonly ResolvedInstance[];
}

/** Prints only changes of the owner; other changes of the ring are left out. */
const watchOwners = (client: Client): Watch<OwnerRow> => ({
  rows: (state) => {
    const { key, service, owners } = parseResponse(KeyOwnersSchema, state, client);
    return new Map([[key, { key, service, owners }]]);
  },
  event: () => 'moved',
  cells: ({ key, owners }) => [
    key,
    owners.length === 0
      ? 'none'
      : owners.map((one) => `${one.id} on ${one.node} (${formatEndpoint(one)})`).join(', '),
  ],
});

function addedOrRemoved(before: object | undefined, after: object | undefined): string {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'changed';
}
