/**
 * What members say to one another while troubles come and go, drawn from a seed: events, queries of every kind, and
 * programs that answer these. No two events or queries have one name, so that whoever looks on can tell them apart.
 */
import type { Command, Result } from '../../agent/contract/commands.ts';
import { NO_BYTES, utf8 } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { AskedQuestion, Question } from '../../serf/types.ts';
import type { Host } from '../world/host.ts';
import type { World } from '../world/world.ts';

export type TalkKind = 'event' | 'bulkyEvent' | 'query' | 'queryNodes' | 'queryTag' | 'queryRelayed' | 'ping';

export const TALK_KINDS: readonly TalkKind[] = [
  'event',
  'bulkyEvent',
  'query',
  'queryNodes',
  'queryTag',
  'queryRelayed',
  'ping',
];

export interface Talk {
  readonly at: Millis;
  readonly kind: TalkKind;
  readonly who: string;
  /** Members a query may name. */
  readonly some: readonly string[];
  /** No other has this number. */
  readonly serial: number;
}

export interface TalkPlan {
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
const THINKING: Millis = 50;

export const tagsOf = (i: number): Readonly<Record<string, string>> => ({
  [ROLE_TAG]: ROLES[i % ROLES.length] as string,
});

export function drawTalks(rng: Rng, { hosts, span, count }: TalkPlan): Talk[] {
  const talks: Talk[] = [];
  for (let serial = 0; serial < count; serial++)
    talks.push({
      at: rng.next() * span,
      // Every other one is an event.
      kind: rng.int(2) === 0 ? 'event' : (TALK_KINDS[rng.int(TALK_KINDS.length)] as TalkKind),
      who: hosts[rng.int(hosts.length)] as string,
      some: hosts.filter(() => rng.int(3) === 0),
      serial,
    });
  return talks.sort((a, b) => a.at - b.at);
}

/** Who is told of what was really said, and answered. */
export interface Listeners {
  fired(kind: TalkKind): void;
  asked(kind: TalkKind, host: Host, question: Question, answer: AskedQuestion): void;
  /** A program on `host` has answered a query of this name in time, with this. */
  answered(host: Host, query: string, answer: string): void;
}

/** Puts them into a world's agenda, beginning now; from now on every query is answered wherever it is heard. */
export function talkThrough(world: World, talks: readonly Talk[], listeners: Listeners): void {
  const begin = world.now;
  for (const talk of talks)
    world.at(begin + talk.at, () => {
      const host = world.host(talk.who);
      if (!host.running || host.paused || host.live.view.health().leaving) return;
      const command = commandOf(talk);
      const value = valueIn(world.command(talk.who, command).result);
      if (value === undefined) return;
      if (command.kind === 'query')
        listeners.asked(talk.kind, host, command.question, value as AskedQuestion);
      else listeners.fired(talk.kind);
    });
  world.watch({
    acted: (host, _facts, topics) => {
      if (!topics.includes('queries')) return;
      const { lives } = host;
      for (const { id, name } of host.agent?.view.waitingQueries() ?? [])
        world.at(world.now + THINKING, () => {
          if (host.lives !== lives || !host.running || host.paused) return;
          const answer = `${host.label} on ${name}`;
          if (
            valueIn(world.command(host.label, { kind: 'respond', id, payload: utf8(answer) }).result) === true
          )
            listeners.answered(host, name, answer);
        });
    },
  });
}

/** `true` where an answer holds nothing; `undefined`: refused, or not answered at once. */
const valueIn = (result: Result | undefined): object | true | undefined =>
  result?.ok === true ? (result.value ?? true) : undefined;

function commandOf({ kind, some, serial }: Talk): Extract<Command, { kind: 'fireEvent' | 'query' }> {
  const payload = utf8(`serial ${serial}`);
  const question: Question = {
    ...{ name: `q${serial}`, payload, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
  };
  switch (kind) {
    case 'event':
      return { kind: 'fireEvent', name: `e${serial}`, payload, coalesce: false };
    case 'bulkyEvent':
      return { kind: 'fireEvent', name: `e${serial}`, payload: new Uint8Array(BULKY_BYTES), coalesce: true };
    case 'query':
      return { kind: 'query', question };
    case 'queryNodes':
      return { kind: 'query', question: { ...question, nodes: some } };
    case 'queryTag': {
      const role = ROLES[serial % ROLES.length] as string;
      return { kind: 'query', question: { ...question, tags: new Map([[ROLE_TAG, `^${role}$`]]) } };
    }
    case 'queryRelayed':
      return { kind: 'query', question: { ...question, relayFactor: 1 + (serial % 3) } };
    case 'ping':
      return { kind: 'query', question: { ...question, name: '_serf_ping', payload: NO_BYTES } };
  }
}

/** Is a query of these filters for this host? As whoever looks on from outside knows it. */
export const isMeant = ({ nodes, tags }: Question, { name, options }: Host): boolean =>
  (nodes.length === 0 || nodes.includes(name)) &&
  [...tags].every(([tag, expr]) => `^${options.tags?.[tag] ?? ''}$` === expr);
