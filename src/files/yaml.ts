/** Parses YAML, and JSON as YAML, so that both keep their line numbers. HCL is recognized, and refused with what to do. */
import type { Node } from 'yaml';
import { AgentError } from '../base/errors.ts';
import type { ConfigNode } from '../config/file/node.ts';

const MAX_DEPTH = 16;

/** `text` as the content of the file `path`. Throws `AgentError('config')` that names file and line. */
export async function parseYaml(path: string, text: string): Promise<ConfigNode> {
  const { LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseDocument } = await import(
    './yaml-package.ts'
  );
  const lines = new LineCounter();
  const document = parseDocument<Node, true>(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  const refuseAt = (line: number, clause: string): never => {
    throw new AgentError('config', `${path}:${line}: ${clause}`);
  };
  const problem = document.errors[0];
  if (problem !== undefined || isScalar(document.contents)) refuseHcl(text, refuseAt);
  if (problem !== undefined) refuseAt(lineAt(problem.pos[0]), problem.message);

  const toNode = (node: unknown, line: number, depth: number): ConfigNode => {
    if (depth > MAX_DEPTH) return refuseAt(line, 'is nested too deeply');
    if (node === null || node === undefined) return { line, value: null };
    if (isAlias(node)) return refuseAt(line, 'anchors and aliases are not supported: write the value out');
    if (isMap(node)) {
      const map = new Map<string, ConfigNode>();
      for (const { key, value } of node.items) {
        const at = isScalar(key) ? lineAt(key.range?.[0]) : line;
        if (!isScalar(key) || typeof key.value !== 'string') return refuseAt(at, 'a key must be text');
        map.set(key.value, toNode(value, at, depth + 1));
      }
      return { line, value: map };
    }
    if (isSeq(node)) {
      const lineOf = (item: unknown): number => (isNode(item) ? lineAt(item.range?.[0]) : line);
      return { line, value: node.items.map((item) => toNode(item, lineOf(item), depth + 1)) };
    }
    const value = isScalar(node) ? node.value : undefined;
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value))
      return { line, value: value as string | number | boolean | null };
    return refuseAt(line, 'must be text, a number, true, false, a list or a map');
  };
  return toNode(document.contents, 1, 0);
}

/** Consul's and Nomad's files begin with `name = …` or `name "label" {`, which no YAML map does. */
const HCL_LINE = /^\s*[A-Za-z_][\w-]*\s*(?:=|(?:"[^"]*"\s*)*\{)/;

function refuseHcl(text: string, refuseAt: (line: number, clause: string) => never): void {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !/^\s*(?:$|#|\/\/)/.test(line));
  if (first >= 0 && HCL_LINE.test(lines[first] as string))
    refuseAt(
      first + 1,
      'this is HCL, which is not read: write it as YAML or JSON (`service { name = "web" }` is `service: {name: web}`)',
    );
}
