/** What an agent finds wrong: as it shows it, and as `hearsay doctor` names it. */
import { getJson } from './http.ts';
import { runHearsay } from './processes.ts';

export interface Found {
  readonly code: string;
  readonly nodes: readonly string[];
  readonly sentence: string;
  readonly fix: string;
}

export interface DoctorRun {
  /** The exit code. */
  readonly code: number;
  readonly findings: readonly Found[];
}

/** What the dashboard and `top` read. */
export const foundBy = async (http: string): Promise<readonly Found[]> =>
  (await getJson<{ findings: readonly Found[] }>(`${http}/v1/hearsay/findings`)).findings;

/** Runs of `hearsay doctor` at one agent, one at a time: all who wait share the next. */
export class DoctorRuns {
  readonly #words: readonly string[];
  readonly #commandPrefix: readonly string[];
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<DoctorRun> | undefined;

  /** `commandPrefix`: as in `AgentProcessOptions`. */
  constructor(http: string, commandPrefix: readonly string[] = []) {
    this.#words = ['doctor', '--json', '--http-addr', http.replace('unix:', 'unix://')];
    this.#commandPrefix = commandPrefix;
  }

  /** A run that starts after this call. */
  next(): Promise<DoctorRun> {
    this.#next ??= this.#current.then(() => {
      const run = this.#run();
      this.#next = undefined;
      this.#current = run.catch(() => undefined);
      return run;
    });
    return this.#next;
  }

  async #run(): Promise<DoctorRun> {
    const { code, stdout, stderr } = await runHearsay(this.#words, {}, this.#commandPrefix);
    if (stdout === '') throw new Error(`hearsay doctor ended with ${code}: ${stderr}`);
    return { code, findings: (JSON.parse(stdout) as { findings: readonly Found[] }).findings };
  }
}
