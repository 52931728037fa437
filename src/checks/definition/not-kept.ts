/**
 * What an agent does not keep of a registration: fields of Consul's newest definitions that mean nothing here, and
 * fields that the kind of a check does not use. Each is told to the client, so that none is lost in silence.
 *
 * Source: Consul HTTP API, "Register Service", "Register Check"; api/agent.go, AgentServiceRegistration, AgentServiceCheck.
 */
import { FieldError, type FieldPath, type Fields, normalizeKey } from './decode.ts';

/**
 * A value that is accepted but not used as it is. Files are stricter: there it is an error, with `clause`, unless it is
 * only not kept.
 */
export interface FieldNote {
  readonly path: FieldPath;
  /** One sentence that says what is done instead. It quotes nothing of the registration (S17). */
  readonly message: string;
  readonly clause: string;
  /** It does nothing, in this agent or in a check of this kind. */
  readonly isNotKept?: true;
}

export type OnNote = (note: FieldNote) => void;

const NO_MESH = 'there is no service mesh';
const MADE_HERE = 'the agent makes it';

/** By field: why it is not kept. */
const FOREIGN: ReadonlyMap<string, { readonly name: string; readonly reason: string }> = new Map(
  [
    ['Kind Proxy Connect ExposedPort ProxyHTTP ProxyGRPC', NO_MESH],
    ['Token', 'there are no ACLs'],
    ['Locality', 'put zone and region into Meta or Tags'],
    ['SocketPath', 'put it into Meta'],
    ['PeerName', 'clusters do not peer'],
    ['Datacenter', 'it is that of the agent'],
    ['Namespace Partition', 'there is only the default one'],
    ['Type CreateIndex ModifyIndex ContentHash', MADE_HERE],
    ['Definition', 'its fields belong in the check itself'],
    ['WriteRequest SkipNodeUpdate', 'it is no field of a definition'],
  ].flatMap(([names = '', reason = '']) =>
    names.split(' ').map((name) => [normalizeKey(name), { name, reason }] as const),
  ),
);

/** Fields of services and checks that are accepted, and not kept; keys as `normalizeKey` writes them. */
export const FOREIGN_KEYS: ReadonlySet<string> = new Set(FOREIGN.keys());

/** Everything that has a value and was not read. `what`: `a service`, or a check and its kind. */
export function noteNotKept(fields: Fields, what: string, whyUnused: string, onNote?: OnNote): void {
  const unread = fields.unread().filter(({ value }) => !isBlank(value));
  for (const { name, path, value } of unread) {
    const foreign = FOREIGN.get(name);
    if (name === 'namespace' || name === 'partition') {
      requireDefault(String(foreign?.name), value, path);
      continue;
    }
    const reason = foreign?.reason ?? whyUnused;
    onNote?.({
      path,
      message: `${foreign?.name ?? fields.spelling(name)} of ${what} is not kept: ${reason}`,
      clause: `is not kept: ${reason}`,
      isNotKept: true,
    });
  }
}

/** A writer that names another one would believe that its service is there. */
function requireDefault(name: string, value: unknown, path: FieldPath): void {
  if (typeof value === 'string' && value.toLowerCase() === 'default') return;
  throw new FieldError(
    `Invalid ${name}: there is only the default one`,
    path,
    'must be left out: there is only the default one',
  );
}

/** Go's clients send zero values for what was not given. Deeper objects than any definition has are never blank. */
export function isBlank(value: unknown, depth = 0): boolean {
  if (value === '' || value === 0 || value === false || value === null || value === undefined) return true;
  if (typeof value !== 'object' || depth > MAX_DEPTH) return false;
  return Object.values(value).every((inner) => isBlank(inner, depth + 1));
}

const MAX_DEPTH = 8;
