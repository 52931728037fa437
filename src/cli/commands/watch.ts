/** `hearsay watch`: prints what there is, then each change, until it is interrupted. */
import type { Command } from 'commander';
import { joinHostPort } from '../../base/address.ts';
import { type Client, type ClientOptions, clientFor, clientOptions } from '../api/client.ts';
import { follow } from '../api/follow.ts';
import { hostOf, type Instance, instanceOf } from '../api/instances.ts';
import { Entries, Members, Ownership, type Place, Services, shaped } from '../api/schemas.ts';
import { eventsOf } from '../api/user-events.ts';
import { act, type Cli, type CommandModule, example, say } from '../command.ts';
import { collect } from '../input/pairs.ts';
import { changesOf, tell, type Watched } from '../output/diff.ts';
import { type OwnerOptions, ownerOptions, ownerPath } from './owner.ts';
import { pathOf } from './services.ts';

export const build: CommandModule['build'] = (command, cli) => {
  const sub = (name: string, description: string): Command =>
    clientOptions(command.command(name), 'one JSON object per line').description(description);

  const services = sub('services', 'Services that come and go, and their tags').action(
    act(cli, (options: ClientOptions) => watch(cli, options, '/v1/catalog/services', servicesOf)),
  );
  example(services, 'hearsay watch services');

  const service = sub('service', 'The instances of one service, and how they are')
    .argument('<name>', 'of a service')
    .option('--passing', 'only instances whose checks all pass')
    .option('--tag <tag>', 'only instances with this tag; with all of them if several', collect)
    .action(
      act(cli, (name: string, options: ClientOptions & Parameters<typeof pathOf>[1]) =>
        watch(cli, options, pathOf(name, options), (client) => instancesOf(client, name)),
      ),
    );
  example(service, 'hearsay watch service web --json');

  const members = sub('members', 'Members that join, leave and fail').action(
    act(cli, (options: ClientOptions) => watch(cli, options, '/v1/hearsay/members', membersOf)),
  );
  example(members, 'hearsay watch members');

  const events = sub('events', 'User events, as `hearsay event` and `serf event` fire them').action(
    act(cli, (options: ClientOptions) => watch(cli, options, '/v1/event/list', eventsOf)),
  );
  example(events, 'hearsay watch events --json');

  const owner = ownerOptions(sub('owner', 'To whom a key belongs, and when it moves')).action(
    act(cli, (key: string, options: OwnerOptions) => watch(cli, options, ownerPath(key, options), ownersOf)),
  );
  example(owner, 'hearsay watch owner nightly-report --service worker');
  example(command, 'hearsay watch service web');
};

async function watch<Row extends object>(
  cli: Cli,
  options: ClientOptions,
  path: string,
  watchedBy: (client: Client) => Watched<Row>,
): Promise<number> {
  const client = await clientFor(cli, options);
  const watched = watchedBy(client);
  let before: ReadonlyMap<string, Row> | undefined;
  return follow(cli, client, path, (state) => {
    const after = watched.rows(state);
    const changes = changesOf(watched, before, after);
    if (before === undefined && changes.length === 0) say(cli.io, 'there is nothing yet; waiting for it');
    for (const change of changes) if (change.event !== '') tell(cli, watched, change, options.json === true);
    before = after;
  });
}

const servicesOf = (client: Client): Watched<{ name: string; tags: readonly string[] }> => ({
  rows: (state) =>
    new Map(Object.entries(shaped(Services, state, client)).map(([name, tags]) => [name, { name, tags }])),
  event: comesOrGoes,
  words: ({ name, tags }) => [name, tags.join(',')],
});

const instancesOf = (client: Client, service: string): Watched<Instance & { service: string }> => ({
  rows: (state) =>
    new Map(
      shaped(Entries, state, client)
        .map(instanceOf)
        .map((one) => [JSON.stringify([one.node, one.id]), { service, ...one }]),
    ),
  event: comesOrGoes,
  words: (one) => [one.id, one.node, hostOf(one), one.status, one.tags.join(',')],
});

export interface Seen {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Members that join, leave, fail and return. */
export const membersOf = (client: Client): Watched<Seen> => ({
  rows: (state) =>
    new Map(
      shaped(Members, state, client).map(({ name, addr, port, status, tags }) => [
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
  words: ({ name, addr, port, status, tags }) => [
    name,
    joinHostPort(addr, port),
    status,
    Object.entries(tags)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  ],
});

interface Owned {
  readonly key: string;
  readonly service: string;
  readonly owners: readonly Place[];
}

/** The ring behind it may change without moving this key: that is not told. */
const ownersOf = (client: Client): Watched<Owned> => ({
  rows: (state) => {
    const { key, service, owners } = shaped(Ownership, state, client);
    return new Map([[key, { key, service, owners }]]);
  },
  event: () => 'moved',
  words: ({ key, owners }) => [
    key,
    owners.length === 0
      ? 'nobody'
      : owners.map((one) => `${one.id} on ${one.node} (${hostOf(one)})`).join(', '),
  ],
});

function comesOrGoes(before: object | undefined, after: object | undefined): string {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'changed';
}
