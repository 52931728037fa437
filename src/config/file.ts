/** What a configuration file says, once someone has read and parsed it: its keys, checked, with their lines. */
import { suggestSimilar } from './names.ts';
import { SETTINGS } from './schema.ts';
import { SettingPathError } from './setting.ts';

/** A parsed value and the line it stands on; for a value in a map, the line of its key. */
export interface ConfigNode {
  readonly line: number;
  readonly value: string | number | boolean | null | readonly ConfigNode[] | ReadonlyMap<string, ConfigNode>;
}

export interface ConfigFile {
  /** As it was given; errors name it. */
  readonly path: string;
  /** Why others could have written it, as a clause; absent: they could not. */
  readonly untrusted?: string;
  readonly root: ConfigNode;
}

/** A value from a file that its setting has accepted. */
export interface FileValue {
  readonly value: unknown;
  /** `PATH:LINE`. */
  readonly location: string;
}

/** The settings of one file, and a sentence for each thing wrong with it: `PATH:LINE: KEY: CLAUSE`. */
export function parseConfigFile(file: ConfigFile): {
  readonly found: ReadonlyMap<string, FileValue>;
  readonly problems: readonly string[];
} {
  const found = new Map<string, FileValue>();
  const problems: string[] = [];
  const refuse = (line: number, key: string, clause: string): void => {
    problems.push(`${file.path}:${line}: ${key === '' ? '' : `${key}: `}${clause}`);
  };

  const readMap = (prefix: string, node: ConfigNode): void => {
    if (node.value === null) return;
    if (!(node.value instanceof Map)) {
      refuse(node.line, prefix, 'must be a map of settings');
      return;
    }
    for (const [last, child] of node.value as ReadonlyMap<string, ConfigNode>) {
      const key = prefix === '' ? last : `${prefix}.${last}`;
      if (prefix === '' && (last === 'swim' || last === 'serf')) readMap(last, child);
      else readSetting(key, child);
    }
  };

  const readSetting = (key: string, node: ConfigNode): void => {
    const entry = SETTINGS.get(key);
    if (entry === undefined) {
      const meant = suggestSimilar(key, SETTINGS.keys());
      refuse(node.line, key, `no such setting${meant === undefined ? '' : `; did you mean ${meant}?`}`);
    } else if (entry.setting.secret === true) {
      refuse(node.line, key, `may only come from the environment, as ${entry.env}`);
    } else if (entry.setting.fileOnly === true && file.untrusted !== undefined) {
      refuse(
        node.line,
        key,
        `is taken only from a file nobody else can write, and this one ${file.untrusted}`,
      );
    } else if (node.value === null) {
      refuse(node.line, key, 'has no value');
    } else if (found.has(key)) {
      refuse(node.line, key, `is given twice; first at ${found.get(key)?.location}`);
    } else {
      try {
        found.set(key, {
          value: entry.setting.parse(withoutLines(node)),
          location: `${file.path}:${node.line}`,
        });
      } catch (error) {
        const at = error instanceof SettingPathError ? error.path : [];
        refuse(lineAt(node, at), key + at.map(step).join(''), (error as Error).message);
      }
    }
  };

  readMap('', file.root);
  return { found, problems };
}

/** The line of what lies at a path inside a value, or of the last thing on the way there. */
function lineAt(node: ConfigNode, [first, ...rest]: readonly (string | number)[]): number {
  const { value } = node;
  const next =
    typeof first === 'number' && Array.isArray(value)
      ? (value as readonly ConfigNode[])[first]
      : typeof first === 'string' && value instanceof Map
        ? (value as ReadonlyMap<string, ConfigNode>).get(first)
        : undefined;
  return next === undefined ? node.line : lineAt(next, rest);
}

/** Positions are told from 1 on, as people count. */
const step = (at: string | number): string => (typeof at === 'number' ? `[${at + 1}]` : `.${at}`);

/** The value without its lines. */
function withoutLines({ value }: ConfigNode): unknown {
  if (Array.isArray(value)) return (value as readonly ConfigNode[]).map(withoutLines);
  if (value instanceof Map)
    return new Map(
      [...(value as ReadonlyMap<string, ConfigNode>)].map(([key, node]) => [key, withoutLines(node)]),
    );
  return value;
}
