/** Handlers with real programs, an agent of which only the answers are real, and what became of it all. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { HandlerConfig } from '../../../../src/config/schema.ts';
import type { HandlerEvent, MemberChange, SerfMember } from '../../../../src/serf/types.ts';
import type { HandlerFact } from '../../../../src/shell/handlers/handler.ts';
import { createHandlers } from '../../../../src/shell/handlers/index.ts';
import { at } from '../support.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A handler that runs a script, with a timeout that leaves room for a slow machine. */
export const script = (on: readonly string[], text: string, timeout = 20_000): HandlerConfig => ({
  on,
  run: ['/bin/sh', '-c', text],
  timeout,
});

export const event = (name: string, payload = '', ltime = 7): HandlerEvent => ({
  kind: 'user',
  event: { name, ltime, payload: bytes(payload), coalesce: false },
});

export const query = (name: string, payload = '', id = 1): HandlerEvent => ({
  kind: 'query',
  query: { id, ltime: 9, name, payload: bytes(payload), from: 'ann', deadline: Number.MAX_VALUE },
});

export const member = (
  change: MemberChange,
  name: string,
  tags: Readonly<Record<string, string>> = {},
): HandlerEvent => ({
  kind: 'members',
  change,
  members: [
    {
      name,
      status: 'alive',
      statusLTime: 1,
      downAt: undefined,
      tags: new Map(Object.entries(tags)),
      member: { identity: { address: at('10.0.0.9:7946') } },
    } as unknown as SerfMember,
  ],
});

const OFF = { period: 0, quiescent: 0 };

export function handlersWith(handlers: readonly HandlerConfig[], spans = OFF, refusal?: string) {
  const facts: HandlerFact[] = [];
  const answers: string[] = [];
  const made = createHandlers({
    handlers,
    members: spans,
    user: spans,
    self: () => ({
      name: 'me',
      tags: new Map([
        ['role', 'web'],
        ['a-b.c', 'x=1\0'],
      ]),
    }),
    respond: async (id, payload) => {
      if (refusal !== undefined) throw new Error(refusal);
      answers.push(`${id}: ${new TextDecoder().decode(payload)}`);
    },
    record: (fact) => void facts.push(fact),
    now: () => performance.now(),
  });
  onTestFinished(() => made.close());
  return { ...made, facts, answers };
}

/** A file scripts write to. */
export function notebook() {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-handlers-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'notes');
  const read = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  return { path, read, lines: () => read().split('\n').slice(0, -1) };
}

/** Whether a process is there, and is not merely waiting to be collected. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
