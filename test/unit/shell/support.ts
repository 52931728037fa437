/** What the stories of the shell share: loopback addresses, waiting for a condition, an agent made of one function. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent, Effect, Input } from '../../../src/agent/contract/machine.ts';
import type { View } from '../../../src/agent/contract/view.ts';
import { type Address, parseAddress } from '../../../src/base/address.ts';
import { NEVER } from '../../../src/base/time.ts';
import type { JournalFact } from '../../../src/shell/logging/facts.ts';
import type { Journal } from '../../../src/shell/logging/journal.ts';
import { TCP_LIMITS, type TcpLimits } from '../../../src/shell/net/tcp.ts';

export function at(literal: string): Address {
  const parsed = parseAddress(literal);
  if (parsed === undefined) throw new Error(`not an address: ${literal}`);
  return parsed;
}

/** A free port of 127.0.0.1. */
export const LOCAL = at('127.0.0.1:0');

/** Waits for a condition, with a limit no healthy machine comes near. */
export async function until(condition: () => boolean, what: string, limit = 20_000): Promise<void> {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Keeps the event loop busy, as a slow handler would. */
export function stall(millis: number): void {
  const end = performance.now() + millis;
  while (performance.now() < end);
}

export const limits = (changes: Partial<TcpLimits>): TcpLimits => ({ ...TCP_LIMITS, ...changes });

export interface Tiny extends Agent {
  deadline: number;
}

/** An agent that does what `handle` says, and nothing of its own accord. */
export function tiny(handle: (input: Input, out: Effect[], agent: Tiny, now: number) => void): Tiny {
  const agent: Tiny = {
    deadline: NEVER,
    view: { node: 'tiny' } as View,
    handle: (input, now, out) => handle(input, out, agent, now),
  };
  return agent;
}

/** A journal that remembers. */
export function noting(): Journal & { readonly facts: JournalFact[] } {
  const facts: JournalFact[] = [];
  return {
    facts,
    record: (fact) => void facts.push(fact),
    recordPacket: () => {},
    counters: new Map(),
    counterHelp: new Map(),
    recentWarnings: () => [],
  };
}

/** Can tests mount file systems here? Only root may, and not in every container. */
export function canMount(): boolean {
  if (process.geteuid?.() !== 0) return false;
  const place = mkdtempSync(join(tmpdir(), 'hearsay-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'none', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
