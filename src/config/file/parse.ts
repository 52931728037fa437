/** Validates the settings of a parsed configuration file and keeps the line of each. */

import { suggestSimilar } from '../names.ts';
import { SETTINGS } from '../schema.ts';
import { SettingPathError } from '../setting.ts';
import { foreignKeyHints } from './foreign.ts';
import { type ConfigNode, formatPath, lineAt, withoutLines } from './node.ts';

export interface ConfigFile {
  /** As the user gave it, for errors. */
  readonly path: string;
  /** A clause that says why other users could have written the file. Absent if they could not. */
  readonly untrusted?: string;
  readonly root: ConfigNode;
}

/** A value from a file, parsed by its setting. */
export interface FileValue {
  readonly value: unknown;
  /** `PATH:LINE`. */
  readonly location: string;
}

/** The settings of one file, and one message per problem: `PATH:LINE: KEY: CLAUSE`. */
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
      refuseUnknown(key, node);
    } else if (entry.setting.secret === true) {
      refuse(node.line, key, `is a secret: set the environment variable ${entry.env} instead`);
    } else if (entry.setting.fileOnly === true && file.untrusted !== undefined) {
      refuse(
        node.line,
        key,
        `is only read from a file that no other user can write, and this one ${file.untrusted}`,
      );
    } else if (node.value === null) {
      refuse(node.line, key, 'has no value');
    } else if (found.has(key)) {
      refuse(node.line, key, `is set twice, first at ${found.get(key)?.location}`);
    } else {
      try {
        found.set(key, {
          value: entry.setting.parse(withoutLines(node, (entries) => new Map(entries))),
          location: `${file.path}:${node.line}`,
        });
      } catch (error) {
        const at = error instanceof SettingPathError ? error.path : [];
        refuse(lineAt(node, at), formatPath([key, ...at]), (error as Error).message);
      }
    }
  };

  const refuseUnknown = (key: string, node: ConfigNode): void => {
    const hints = foreignKeyHints(key, node);
    const meant = suggestSimilar(key, SETTINGS.keys());
    const similar = meant === undefined ? '' : `; did you mean ${meant}?`;
    if (hints.length === 0) refuse(node.line, key, `no such setting${similar}`);
    for (const { node: inner, hint } of hints) refuse(inner.line, '', hint);
  };

  readMap('', file.root);
  return { found, problems };
}
