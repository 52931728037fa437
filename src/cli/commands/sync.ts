/** `hearsay sync`: keeps what a proxy serves equal to the catalog. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { joinHostPort } from '../../base/address.ts';
import { type HaproxyChange, HaproxySync } from '../../sync/haproxy/haproxy-sync.ts';
import { HaproxyError, HaproxyRuntimeApi, parseHaproxySocket } from '../../sync/haproxy/runtime-api.ts';
import { addClientOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { followEvents } from '../api/events.ts';
import { parseResponse } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printNotice,
  toAction,
} from '../command.ts';
import { collectValues, parsePair } from '../input/pairs.ts';
import { printChange } from '../output/diff.ts';

/** Milliseconds between passes while nothing changes: how soon a HAProxy that was restarted is set again. */
const INTERVAL = 1000;
/** What the event stream takes. */
const MAX_SERVICES = 256;
const MAX_SLOTS = 10_000;
const SERVICE_NAME = /^[\w.-]{1,128}$/;

interface HaproxyOptions extends ClientOptions {
  readonly socket: string;
  readonly backend: readonly string[];
  readonly slots: string;
  readonly empty: string;
  readonly once?: boolean;
}

export const syncCommand: CommandBuilder = (command, cli) => {
  const haproxy: Command = addClientOptions(command.command('haproxy'), 'Print one JSON object per line')
    .description("Add, weigh, drain and remove servers over HAProxy's runtime API, as instances come and go")
    .requiredOption('--socket <address>', "HAProxy's stats socket of level admin: a path, or HOST:PORT")
    .requiredOption(
      '--backend <backend=service>',
      'Backend and the service that it serves (repeatable)',
      collectValues,
    )
    .option('--slots <n>', 'The most servers of one backend', '100')
    .option(
      '--empty <keep|allow>',
      'Whether a partition may leave a backend without servers, or the last ones are kept',
      'keep',
    )
    .option('--once', 'Set what the catalog has now, and end')
    .action(toAction(cli, (options: HaproxyOptions) => syncHaproxy(cli, options)));
  addExample(haproxy, 'hearsay sync haproxy --socket /run/haproxy/admin.sock --backend web=web');
  addExample(command, 'hearsay sync haproxy --socket /run/haproxy/admin.sock --backend web=web');
};

const RowSchema = v.looseObject({
  ...{ id: v.string(), node: v.string(), address: v.string(), port: v.number() },
  weights: v.looseObject({ passing: v.number(), warning: v.number() }),
  ...{ status: v.string(), draining: v.boolean() },
});
const ServiceSchema = v.looseObject({ service: v.string(), instances: v.array(RowSchema) });
const HealthSchema = v.looseObject({
  partitionSummary: v.looseObject({ kind: v.string(), sentence: v.string() }),
});

async function syncHaproxy(cli: CliContext, options: HaproxyOptions): Promise<number> {
  const { api, backends, limit } = readOptions(options);
  const client = await createClient(cli, options);
  await refuseUnknownBackends(api, backends, options.socket);
  const sync = new HaproxySync({
    ...{ api, backends, limit },
    doubt: () => (options.empty === 'allow' ? Promise.resolve('') : doubtOf(client)),
    onChange: (row) => printChange(cli, { cells: cellsOf }, { event: row.event, row }, options.json === true),
    onProblem: (message) => {
      for (const line of message.split('\n')) printNotice(cli.io, `hearsay: ${line}`);
    },
  });
  return new SyncRun(cli, client, sync, options).run(backends.map(({ service }) => service));
}

/** The stream feeds the passes; both end together. */
class SyncRun {
  readonly #cli: CliContext;
  readonly #client: Client;
  readonly #sync: HaproxySync;
  readonly #options: HaproxyOptions;
  readonly #stop = new AbortController();
  #exit: number = EXIT.done;
  #isSynced = false;
  #isAgentAway = false;
  #isDirty = false;
  #wake = (): void => undefined;

  constructor(cli: CliContext, client: Client, sync: HaproxySync, options: HaproxyOptions) {
    this.#cli = cli;
    this.#client = client;
    this.#sync = sync;
    this.#options = options;
  }

  async run(services: readonly string[]): Promise<number> {
    const { io } = this.#cli;
    const off = [
      io.onSignal('SIGTERM', () => this.#end(EXIT.done)),
      io.onSignal('SIGINT', () => this.#end(EXIT.interrupted)),
    ];
    const query = [...new Set(services)].map((name) => `&service=${encodeURIComponent(name)}`).join('');
    const following = followEvents(
      this.#client,
      `/v1/hearsay/events?type=service${query}`,
      this.#stop.signal,
      {
        onEvent: (event, data) => this.#onEvent(event, data),
        onAway: (error) => this.#onAway(error),
      },
    );
    try {
      await Promise.all([following, this.#passes()].map((part) => part.finally(() => this.#end(this.#exit))));
    } finally {
      for (const remove of off) remove();
    }
    return this.#exit;
  }

  #end(exit: number): void {
    this.#exit = exit;
    this.#stop.abort();
    this.#wake();
  }

  #onEvent(event: string, data: unknown): void {
    if (event === 'service') {
      const { service, instances } = parseResponse(ServiceSchema, data, this.#client);
      this.#sync.update(service, instances);
    } else if (event === 'synced') {
      this.#isSynced = true;
      if (this.#isAgentAway) printNotice(this.#cli.io, `the agent at ${this.#client.address} answers again`);
      this.#isAgentAway = false;
    } else return;
    this.#isDirty = true;
    this.#wake();
  }

  /** An agent that was never there is an error; later the servers stay as they are. */
  #onAway(error: Error): void {
    if (!this.#isSynced) throw error;
    if (!this.#isAgentAway)
      printNotice(this.#cli.io, `${error.message}; the servers stay as they are until it answers`);
    this.#isAgentAway = true;
  }

  async #passes(): Promise<void> {
    let isHaproxyAway = false;
    const { once = false, socket } = this.#options;
    while (!this.#stop.signal.aborted) {
      if (!this.#isDirty) await this.#pause();
      this.#isDirty = false;
      if (this.#stop.signal.aborted || (once && !this.#isSynced)) continue;
      try {
        const isEqual = await this.#sync.apply();
        if (isHaproxyAway) printNotice(this.#cli.io, `HAProxy at ${socket} answers again`);
        isHaproxyAway = false;
        if (once) this.#end(isEqual ? EXIT.done : EXIT.failed);
      } catch (error) {
        if (once) throw toHaproxyAway(socket, error as Error);
        if (!isHaproxyAway)
          printNotice(
            this.#cli.io,
            `hearsay: ${toHaproxyAway(socket, error as Error).message}; trying again`,
          );
        isHaproxyAway = true;
        await this.#pause();
      }
    }
  }

  /** Until something changes, a second at most. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, INTERVAL);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function readOptions({ socket, backend, slots, empty }: HaproxyOptions): {
  readonly api: HaproxyRuntimeApi;
  readonly backends: readonly { readonly backend: string; readonly service: string }[];
  readonly limit: number;
} {
  const refuse = (message: string): CliError => new CliError(EXIT.usage, message);
  const at = parseHaproxySocket(socket);
  if (at === undefined)
    throw refuse(
      `--socket: "${socket}" is no address: write the path of HAProxy's stats socket, or HOST:PORT`,
    );
  const backends = backend.map((text) => {
    const [name, service] = parsePair(text, '--backend');
    if (!/^[\w.:-]+$/.test(name) || service === '')
      throw refuse(`--backend: "${text}" must be BACKEND=SERVICE, as in --backend web=web`);
    // The agent has no instances of such a name, and that would empty the backend.
    if (!SERVICE_NAME.test(service))
      throw refuse(
        `--backend: "${service}" is no name of a service: use 1 to 128 letters, digits, ".", "_" or "-"`,
      );
    return { backend: name, service };
  });
  const names = backends.map((one) => one.backend);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw refuse(`--backend: "${twice}" is given twice: a backend serves one service`);
  if (backends.length > MAX_SERVICES)
    throw refuse(`--backend: at most ${MAX_SERVICES} at a time: run several \`hearsay sync\``);
  const limit = /^\d+$/.test(slots) ? Number(slots) : 0;
  if (limit < 1 || limit > MAX_SLOTS)
    throw refuse(`--slots: "${slots}" must be a number from 1 to ${MAX_SLOTS}`);
  if (empty !== 'keep' && empty !== 'allow') throw refuse(`--empty: "${empty}" must be keep or allow`);
  return { api: new HaproxyRuntimeApi(at), backends, limit };
}

async function refuseUnknownBackends(
  api: HaproxyRuntimeApi,
  backends: readonly { readonly backend: string }[],
  socket: string,
): Promise<void> {
  const known = await api.backends().catch((error: Error) => {
    throw toHaproxyAway(socket, error);
  });
  const unknown = backends.find(({ backend }) => !known.includes(backend));
  if (unknown !== undefined)
    throw new CliError(
      EXIT.usage,
      `--backend: HAProxy at ${socket} has no backend "${unknown.backend}"; it has: ${known.join(', ') || 'none'}`,
    );
}

const toHaproxyAway = (socket: string, error: Error): CliError =>
  new CliError(
    EXIT.failed,
    error instanceof HaproxyError
      ? `${socket}: ${error.message}; point --socket at HAProxy's "stats socket" of level admin`
      : `HAProxy does not answer at ${socket} (${error.message}): start it with "stats socket ${socket} mode 600 level admin" in its global section`,
  );

/** Why an empty list may not be believed; empty if the agent sees no partition. */
async function doubtOf(client: Client): Promise<string> {
  try {
    const body = await client.get('/v1/hearsay/health');
    const { kind, sentence } = parseResponse(HealthSchema, body, client).partitionSummary;
    return kind === 'partition' ? sentence : '';
  } catch (error) {
    return `whether there is a partition is not known: ${(error as Error).message}`;
  }
}

const cellsOf = ({
  event,
  backend,
  server,
  id,
  node,
  address,
  port,
  weight,
  reason,
}: HaproxyChange): string[] =>
  event === 'kept'
    ? [backend, `no instance passes, and its last servers are kept: ${reason}`]
    : [`${backend}/${server}`, id, node, joinHostPort(address, port), `weight ${weight}`];
