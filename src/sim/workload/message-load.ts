/**
 * Message load drawn from a seed: user events, queries of every kind, and programs that respond to these. No two events
 * or queries have the same name, so that an observer can tell them apart.
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
  /** Members that a query by node names. */
  readonly queryNodes: readonly string[];
  /** A number that no other action has. */
  readonly serial: number;
}

export interface MessageLoadPlan {
  readonly hosts: readonly string[];
  readonly span: Millis;
  readonly count: number;
}

/** Values of the tag that queries filter by. */
export const ROLES = ['web', 'db'] as const;
const ROLE_TAG = 'role';
/** With its name and its fields such an event is just below Serf's limit of 512 bytes. */
const BULKY_BYTES = 440;
/** Time that a program takes to respond. */
const RESPONSE_DELAY: Millis = 50;

export const roleTags = (i: number): Readonly<Record<string, string>> => ({
  [ROLE_TAG]: ROLES[i % ROLES.length] as string,
});

export function drawMessageLoad(rng: Rng, { hosts, span, count }: MessageLoadPlan): MessageLoadAction[] {
  const actions: MessageLoadAction[] = [];
  for (let serial = 0; serial < count; serial++)
    actions.push({
      at: rng.next() * span,
      // Half of the actions are events.
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

/** Receives what was really sent. */
export interface MessageLoadListener {
  onEvent(kind: MessageLoadKind): void;
  onQuery(kind: MessageLoadKind, host: SimHost, question: QueryDefinition, answer: QueryReport): void;
  /** A program on `host` has responded to a query of this name in time. */
  onResponse(host: SimHost, query: string, answer: string): void;
}

/** Schedules actions from now on. From now on a program on every host responds to each query that reaches it. */
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

/** The value of a result, or `true` if it has none; `undefined` if the command was refused or not answered at once. */
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

/** Whether the filters of a query match a host, as an observer from outside knows it. */
export const isQueryTarget = ({ nodes, tags }: QueryDefinition, { name, options }: SimHost): boolean =>
  (nodes.length === 0 || nodes.includes(name)) &&
  [...tags].every(([tag, expr]) => `^${options.tags?.[tag] ?? ''}$` === expr);
