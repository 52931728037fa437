/** Four real agents of one cluster, and what is done to them and asked of them. */
import { getJson } from '../../support/http.ts';
import { type HearsayProcess, startHearsay } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait.ts';

/** Generous, as the machine may be busy: detection takes 5 to 25 s on a free one. */
const LIMIT = 180_000;

/** What `/v1/hearsay/why/:node` says, as far as it is judged. */
export interface Said {
  readonly status: string | null;
  readonly finding: string;
  readonly accusation: string | null;
  readonly cause: string | null;
  readonly diagnosis: string;
  readonly evidence: readonly { readonly kind: string; readonly message: string }[];
}

interface MemberRow {
  readonly name: string;
  readonly addr: string;
  readonly status: string;
}

export class Fleet {
  /** The first three octets of all addresses, and the first letter of all names. */
  readonly #net: string;
  readonly #letter: string;
  readonly #agents = new Map<string, HearsayProcess>();
  #nextHost = 10;

  constructor(net: string, letter: string) {
    this.#net = net;
    this.#letter = letter;
  }

  /** The name of agent `n`, counted from 1. */
  name(n: number): string {
    return `${this.#letter}${n}`;
  }

  async startAll(): Promise<void> {
    for (const n of [1, 2, 3, 4]) await this.start(n);
    await this.waitUntilWhole();
  }

  /** An address of this cluster that no agent has had. */
  newIp(): string {
    this.#nextHost += 1;
    return `${this.#net}.${this.#nextHost}`;
  }

  /** Starts agent `n`, and joins it to another one. */
  async start(n: number, ip = `${this.#net}.${n}`): Promise<void> {
    this.#agents.set(this.name(n), await this.startAt(this.name(n), ip));
  }

  /** Starts an agent that does not belong to the four. */
  startAt(name: string, ip: string): Promise<HearsayProcess> {
    const seed = [...this.#agents.values()].find((agent) => agent.name !== name);
    return startHearsay({
      ...{ name, ip, args: ['--dns', 'off', '--log-level', 'info'] },
      ...(seed === undefined ? {} : { join: `${seed.ip}:7946` }),
    });
  }

  agent(n: number): HearsayProcess {
    const agent = this.#agents.get(this.name(n));
    if (agent === undefined) throw new Error(`${this.name(n)} was never started`);
    return agent;
  }

  kill(n: number): Promise<void> {
    return this.agent(n).kill();
  }

  signal(n: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.agent(n).child.kill(signal);
  }

  /** Waits until agent `observer` shows agent `n` with one of these statuses. */
  async waitFor(observer: number, n: number, ...statuses: readonly string[]): Promise<void> {
    const [by, name] = [this.agent(observer), this.name(n)];
    await waitUntil(`${by.name} shows ${name} ${statuses.join(' or ')}`, LIMIT, async () => {
      const row = (await this.#members(by)).find((member) => member.name === name);
      const isHere = row?.status !== 'alive' || row.addr === this.agent(n).ip;
      return isHere && statuses.includes(row?.status ?? '');
    });
  }

  async waitUntilWhole(): Promise<void> {
    for (const observer of [1, 2, 3, 4])
      for (const n of [1, 2, 3, 4]) await this.waitFor(observer, n, 'alive');
  }

  why(observer: number, n: number): Promise<Said> {
    return getJson(`${this.agent(observer).http}/v1/hearsay/why/${this.name(n)}?timeout=5s`);
  }

  async #members(agent: HearsayProcess): Promise<readonly MemberRow[]> {
    return getJson<readonly MemberRow[]>(`${agent.http}/v1/hearsay/members`);
  }
}
