/**
 * What a request must be allowed to do, from the least to the most. A token of one scope has the lower ones, too.
 *
 * Source: S13 (docs/security.md).
 */
export const SCOPES = [
  'public', // reveals nothing, and needs no token
  'read',
  'register', // changes what this agent registers, sends events and queries
  'operator', // changes members, keys, tags or settings, or stops the agent
] as const;

export type Scope = (typeof SCOPES)[number];

/** Whether what needs `wanted` is allowed to whoever has `held`. */
export const includesScope = (held: Scope, wanted: Scope): boolean =>
  SCOPES.indexOf(held) >= SCOPES.indexOf(wanted);
