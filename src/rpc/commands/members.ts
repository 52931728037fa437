/** Commands that tell of members: `members`, `members-filtered`, `get-coordinate`. */
import { AgentError } from '../../base/errors.ts';
import { compilePattern, type Pattern } from '../../base/pattern/pattern.ts';
import type { SerfMember } from '../../serf/types.ts';
import * as requests from '../protocol/requests.ts';
import { command } from './command.ts';

/** Steps of all expressions of one request together. */
const MAX_STEPS = 1_000_000;

/** A member as Serf's clients read it. */
export function toMemberRecord({
  name,
  status,
  tags,
  member,
}: SerfMember): Readonly<Record<string, unknown>> {
  const { address, vsn } = member.identity;
  const version = (i: number): number => vsn[i] ?? 0;
  return {
    Name: name,
    Addr: Buffer.from(address.ip),
    Port: address.port,
    Tags: tags,
    Status: status,
    ProtocolMin: version(0),
    ProtocolMax: version(1),
    ProtocolCur: version(2),
    DelegateMin: version(3),
    DelegateMax: version(4),
    DelegateCur: version(5),
  };
}

const NO_MEMBERS = { Members: [] };

export const members = command({
  scope: 'read',
  failureBody: NO_MEMBERS,
  run: ({ site }) => ({
    body: { Members: site.agent.view.members().map(({ serf }) => toMemberRecord(serf)) },
  }),
});

/** Each expression must match the whole text; the value of a tag that a member lacks is empty. */
export const membersFiltered = command({
  scope: 'read',
  request: requests.MembersFilteredBody,
  failureBody: NO_MEMBERS,
  run: ({ body, site }) => {
    const budget = { left: MAX_STEPS };
    const matches = (pattern: Pattern | undefined, text: string): boolean => {
      if (pattern === undefined) return true;
      const result = pattern.test(text, budget);
      if (result !== undefined) return result;
      throw new AgentError('tooLarge', 'the expressions take too long: write simpler ones');
    };
    const name = compileFilter('the name', body.name);
    const status = compileFilter('the status', body.status);
    const tags = [...body.tags].map(
      ([tag, expression]) => [tag, compileAnchored(`the tag "${tag}"`, expression)] as const,
    );
    const found = site.agent.view
      .members()
      .map(({ serf }) => serf)
      .filter(
        (one) =>
          matches(name, one.name) &&
          matches(status, one.status) &&
          tags.every(([tag, pattern]) => matches(pattern, one.tags.get(tag) ?? '')),
      );
    return { body: { Members: found.map(toMemberRecord) } };
  },
});

const compileFilter = (what: string, expression: string): Pattern | undefined =>
  expression === '' ? undefined : compileAnchored(what, expression);

/** As Serf does, the expression is not put into parentheses: in `a|b` each half is anchored at one end only. */
function compileAnchored(what: string, expression: string): Pattern {
  const pattern = compilePattern(`^${expression}$`);
  if (pattern === undefined)
    throw new AgentError(
      'badRequest',
      `the expression for ${what} is not supported: use RE2 syntax without \\p classes`,
    );
  return pattern;
}

const NO_COORDINATE = { Coord: { Vec: null, Error: 0, Adjustment: 0, Height: 0 }, Ok: false };

export const getCoordinate = command({
  scope: 'read',
  request: requests.GetCoordinateBody,
  failureBody: NO_COORDINATE,
  run: ({ body, site }) => {
    const coordinate = site.agent.view.coordinate(body.node);
    if (coordinate === undefined) return { body: NO_COORDINATE };
    const { vec, error, adjustment, height } = coordinate;
    return {
      body: { Coord: { Vec: [...vec], Error: error, Adjustment: adjustment, Height: height }, Ok: true },
    };
  },
});
