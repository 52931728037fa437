/**
 * What members say to one another while troubles come and go, drawn from a seed: events, queries of every kind, and
 * programs that answer these. No two events or queries have one name, so that whoever looks on can tell them apart.
 */
import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import { encodeUtf8, NO_BYTES } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { QueryDefinition, QueryReport } from '../../serf/types.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

export type MessageLoadKind =
  | 'event'
  | 'bulkyEvent'
  | 'query'
  | 'queryNodes'
  | 'queryTag'
  | 'queryRelayed'
  | 'ping';

export const MESSAGE_LOAD_KINDS: readonly MessageLoadKind[] = [
  'event',
  'bulkyEvent',
  'query',
  'queryNodes',
  'queryTag',
  'queryRelayed',
  'ping',
];

export interface MessageLoadAction {
  readonly at: Millis;
  readonly kind: MessageLoadKind;
  readonly host: string;
  /** Members a query may name. */
  readonly queryNodes: readonly string[];
  /** No other has this number. */
  readonly serial: number;
}

export interface MessageLoadPlan {
  readonly hosts: readonly string[];
  readonly span: Millis;
  readonly count: number;
}

/** What hosts of a mixed world are: the tag that queries filter by. */
export const ROLES = ['web', 'db'] as const;
const ROLE_TAG = 'role';
/** With its name and its fields it just passes the limit of Serf, 512. */
const BULKY_BYTES = 440;
/** How long a program takes to answer. */
const RESPONSE_DELAY: Millis = 50;

export const roleTags = (i: number): Readonly<Record<string, string>> => ({
  [ROLE_TAG]: ROLES[i % ROLES.length] as string,
});

export function drawMessageLoad(rng: Rng, { hosts, span, count }: MessageLoadPlan): MessageLoadAction[] {
  const actions: MessageLoadAction[] = [];
  for (let serial = 0; serial < count; serial++)
    actions.push({
      at: rng.next() * span,
      // Every other one is an event.
      kind:
        rng.int(2) === 0
          ? 'event'
          : (MESSAGE_LOAD_KINDS[rng.int(MESSAGE_LOAD_KINDS.length)] as MessageLoadKind),
      host: hosts[rng.int(hosts.length)] as string,
      queryNodes: hosts.filter(() => rng.int(3) === 0),
      serial,
    });
  return actions.sort((a, b) => a.at - b.at);
}

/** Who is told of what was really said, and answered. */
export interface MessageLoadListener {
  onEvent(kind: MessageLoadKind): void;
  onQuery(kind: MessageLoadKind, host: SimHost, question: QueryDefinition, answer: QueryReport): void;
  /** A program on `host` has answered a query of this name in time, with this. */
  onResponse(host: SimHost, query: string, answer: string): void;
}

/** Puts them into a world's agenda, beginning now; from now on every query is answered wherever it is heard. */
export function scheduleMessageLoad(
  world: World,
  actions: readonly MessageLoadAction[],
  listeners: MessageLoadListener,
): void {
  const start = world.now;
  for (const action of actions)
    world.schedule(start + action.at, () => {
      const host = world.host(action.host);
      if (!host.running || host.paused || host.runningAgent.view.health().leaving) return;
      const command = actionCommand(action);
      const value = resultValue(world.command(action.host, command).result);
      if (value === undefined) return;
      if (command.kind === 'query') listeners.onQuery(action.kind, host, command.query, value as QueryReport);
      else listeners.onEvent(action.kind);
    });
  world.subscribe({
    onEffects: (host, _facts, topics) => {
      if (!topics.includes('queries')) return;
      const { bootCount } = host;
      for (const { id, name } of host.agent?.view.pendingQueries() ?? [])
        world.schedule(world.now + RESPONSE_DELAY, () => {
          if (host.bootCount !== bootCount || !host.running || host.paused) return;
          const answer = `${host.label} on ${name}`;
          if (
            resultValue(
              world.command(host.label, { kind: 'respond', id, payload: encodeUtf8(answer) }).result,
            ) === true
          )
            listeners.onResponse(host, name, answer);
        });
    },
  });
}

/** `true` where an answer holds nothing; `undefined`: refused, or not answered at once. */
const resultValue = (result: CommandResult | undefined): object | true | undefined =>
  result?.ok === true ? (result.value ?? true) : undefined;

function actionCommand({
  kind,
  queryNodes,
  serial,
}: MessageLoadAction): Extract<Command, { kind: 'fireEvent' | 'query' }> {
  const payload = encodeUtf8(`serial ${serial}`);
  const query: QueryDefinition = {
    ...{ name: `q${serial}`, payload, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
  };
  switch (kind) {
    case 'event':
      return { kind: 'fireEvent', name: `e${serial}`, payload, coalesce: false };
    case 'bulkyEvent':
      return { kind: 'fireEvent', name: `e${serial}`, payload: new Uint8Array(BULKY_BYTES), coalesce: true };
    case 'query':
      return { kind: 'query', query };
    case 'queryNodes':
      return { kind: 'query', query: { ...query, nodes: queryNodes } };
    case 'queryTag': {
      const role = ROLES[serial % ROLES.length] as string;
      return { kind: 'query', query: { ...query, tags: new Map([[ROLE_TAG, `^${role}$`]]) } };
    }
    case 'queryRelayed':
      return { kind: 'query', query: { ...query, relayFactor: 1 + (serial % 3) } };
    case 'ping':
      return { kind: 'query', query: { ...query, name: '_serf_ping', payload: NO_BYTES } };
  }
}

/** Is a query of these filters for this host? As whoever looks on from outside knows it. */
export const isQueryTarget = ({ nodes, tags }: QueryDefinition, { name, options }: SimHost): boolean =>
  (nodes.length === 0 || nodes.includes(name)) &&
  [...tags].every(([tag, expr]) => `^${options.tags?.[tag] ?? ''}$` === expr);
