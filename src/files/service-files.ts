/**
 * Reads service definitions from files: the one reader of `agent --service`, `register` and `config check`. Each problem
 * names file, line and key.
 */
import { AgentError } from '../base/errors.ts';
import { FieldError, type FieldPath } from '../checks/definition/decode.ts';
import { parseService, type Registration } from '../checks/definition/definition.ts';
import { type ConfigNode, formatPath, lineAt, withoutLines } from '../config/file/node.ts';
import type { ConfigFile } from '../config/file/parse.ts';
import { type LoadedFile, listFiles, readConfigFile } from './config-files.ts';
import { FILE_KINDS, fileKindOf } from './kinds.ts';
import { parseYaml } from './yaml.ts';

export interface ServiceFileOptions {
  /** The name of the node that will have the services; absent: the agent will judge what depends on it. */
  readonly node?: string;
  /** Why no check may run a program, and what to do about it; absent: checks may. */
  readonly refuseExec?: string;
  /** Refuses files that other users could have written: their checks may start programs (S14). */
  readonly trustedOnly?: boolean;
}

export interface FileRegistration extends Registration {
  /** `PATH:LINE`. */
  readonly location: string;
  /** As it is written, in the shape of Consul's API. */
  readonly body: unknown;
}

export interface ServiceFiles {
  readonly registrations: readonly FileRegistration[];
  /** `PATH:LINE: KEY: CLAUSE`, in the order of the files. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads files and directories of files. Never rejects: what cannot be read is a problem. */
export async function readServiceFiles(
  paths: readonly string[],
  options: ServiceFileOptions,
): Promise<ServiceFiles> {
  const reader = new ServiceReader(options);
  for (const path of paths)
    await reader.attempt(async () => {
      const { files, others } = await listFiles(path);
      for (const one of files) await reader.attempt(async () => reader.read(await readConfigFile(one)));
      if (others.length > 0) reader.warnings.push(`${path}: passed over ${others.join(', ')}`);
    });
  return reader;
}

/** As `readServiceFiles`, for text that is not in a file; `name` stands for its path. */
export async function readServiceText(
  name: string,
  text: string,
  options: ServiceFileOptions,
): Promise<ServiceFiles> {
  const reader = new ServiceReader(options);
  await reader.attempt(async () =>
    reader.read({ file: { path: name, root: await parseYaml(name, text) }, warnings: [] }),
  );
  return reader;
}

/** Throws `AgentError('config')` with the first problem, and says how many more there are. */
export function assertNoProblems({ problems }: ServiceFiles): void {
  const [first, ...more] = problems;
  if (first === undefined) return;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more: \`hearsay config check FILE\` shows all)`;
  throw new AgentError('config', first + rest);
}

class ServiceReader implements ServiceFiles {
  readonly registrations: FileRegistration[] = [];
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #options: ServiceFileOptions;
  /** Where each ID was first. */
  readonly #services = new Map<string, string>();
  readonly #checks = new Map<string, string>();

  constructor(options: ServiceFileOptions) {
    this.#options = options;
  }

  async attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.problems.push(error.message);
    }
  }

  read({ file, warnings }: LoadedFile): void {
    const { path, root, untrusted } = file;
    if (this.#options.trustedOnly === true && untrusted !== undefined)
      return void this.problems.push(`${path}: ${untrusted}: run \`chmod go-w ${path}\`, or chown it`);
    this.warnings.push(...warnings);
    const kind = fileKindOf(root);
    if (kind === 'keyring')
      return void this.problems.push(`${path}:${root.line}: is ${FILE_KINDS.keyring}, not --service`);
    const nodes = serviceNodesIn(file);
    if (nodes.length === 0) this.problems.push(`${path}:${root.line}: contains no service`);
    for (const node of nodes) this.#readService(path, node);
  }

  #readService(path: string, node: ConfigNode): void {
    const problems: { readonly line: number; readonly text: string }[] = [];
    const refuse = (at: FieldPath, clause: string): void => {
      const key = formatPath(at);
      problems.push({ line: lineAt(node, at), text: `${key === '' ? '' : `${key}: `}${clause}` });
    };
    const { node: name, refuseExec } = this.#options;
    const body = withoutLines(node, Object.fromEntries);
    try {
      const registration = parseService(
        body,
        {
          ...(name === undefined ? { anyNode: true } : { node: name }),
          ...(refuseExec === undefined ? {} : { refuseExec }),
          // Consul's API is lenient since its clients cannot be mended; a file can.
          onNote: (note) => {
            if (note.isNotKept !== true) return refuse(note.path, note.clause);
            const text = `${formatPath(note.path)}: ${note.clause}`;
            this.warnings.push(`${path}:${lineAt(node, note.path)}: ${text}`);
          },
        },
        (error) => refuse(error.path, error.clause),
      );
      const location = `${path}:${node.line}`;
      this.#refuseRepeatedIds(registration, location, (clause) => refuse(idPath(node), clause));
      this.registrations.push({ ...registration, location, body });
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      refuse(error.path, error.clause);
    }
    problems.sort((a, b) => a.line - b.line);
    this.problems.push(...problems.map(({ line, text }) => `${path}:${line}: ${text}`));
  }

  #refuseRepeatedIds({ service, checks }: Registration, location: string, refuse: (clause: string) => void) {
    const other = this.#services.get(service.id);
    if (other !== undefined) refuse(`two services have the ID "${service.id}"; the other one is at ${other}`);
    else this.#services.set(service.id, location);
    for (const { id } of other === undefined ? checks : []) {
      const first = this.#checks.get(id);
      if (first === undefined) this.#checks.set(id, location);
      else refuse(`two checks have the ID "${id}"; the other one is of the service at ${first}`);
    }
  }
}

/** The key that makes the ID of a service, as it is written. */
function idPath({ value }: ConfigNode): FieldPath {
  const keys = value instanceof Map ? [...value.keys()] : [];
  const key = keys.find((one) => /^id$/i.test(one)) ?? keys.find((one) => /^name$/i.test(one));
  return key === undefined ? [] : [key];
}

/** The service nodes of a file, bare or under `service` or `services`. Throws `AgentError('config')`. */
function serviceNodesIn({ path, root }: ConfigFile): readonly ConfigNode[] {
  const refuse = (line: number, clause: string): never => {
    throw new AgentError('config', `${path}:${line}: ${clause}`);
  };
  const { value } = root;
  if (value === null) return [];
  if (Array.isArray(value)) return value as readonly ConfigNode[];
  if (!(value instanceof Map)) return refuse(root.line, 'a service must be a map');
  const fields = [...(value as ReadonlyMap<string, ConfigNode>)];
  const wrapped = fields.filter(([key]) => /^services?$/i.test(key));
  if (wrapped.length === 0) return [root];
  const [, beside] = fields.find(([key]) => !/^services?$/i.test(key)) ?? [];
  if (beside !== undefined)
    return refuse(
      beside.line,
      `${fields.find(([, node]) => node === beside)?.[0]}: is not allowed beside service: put it into the service`,
    );
  return wrapped.flatMap(([key, node]): readonly ConfigNode[] => {
    if (!/s$/i.test(key)) return [node];
    return Array.isArray(node.value)
      ? (node.value as readonly ConfigNode[])
      : refuse(node.line, 'services must be a list');
  });
}
