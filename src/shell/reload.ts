/**
 * Reload: settings, service files and the keyring file are read again, all or nothing. What the core may refuse comes first,
 * then what cannot fail. One reload runs at a time.
 */
import type { AgentHandle } from '../agent/contract/agent-handle.ts';
import type { ReloadOutcome } from '../agent/contract/commands.ts';
import { AgentError } from '../base/errors.ts';
import { diffSettings, type ReloadChange, type ReloadReport, reloadedConfig } from '../config/reload.ts';
import type { AgentConfig } from '../config/schema.ts';
import { assertNoProblems, readServiceFiles, type ServiceFiles } from '../files/service-files.ts';
import type { Handlers } from './handlers/index.ts';
import type { Journal } from './logging/journal.ts';
import type { Log } from './logging/logger.ts';
import { type KeyringReader, keyChange } from './reload-keys.ts';
import type { Runners } from './runners/index.ts';

/** The settings as they are now in flags, variables and files. */
export interface ConfigReading {
  readonly config: AgentConfig;
  readonly warnings: readonly string[];
}

export interface ReloadParts {
  readonly agent: AgentHandle;
  readonly log: Pick<Log, 'setLevel'>;
  readonly handlers: Pick<Handlers, 'replace'>;
  readonly runners: Pick<Runners, 'explainDenial'>;
  readonly record: Journal['record'];
  readonly keyring: Pick<KeyringReader, 'read' | 'findUnsaved'>;
  setRetryJoin(seeds: readonly string[]): void;
  setTokens(config: AgentConfig): void;
  /** Reads the files of TLS, and returns what takes them over and says whether they have changed. */
  prepareTls(config: AgentConfig): Promise<() => boolean>;
  /** Rejects with `AgentError` if a source is invalid. */
  read(): Promise<ConfigReading>;
}

export class Reloader {
  readonly #parts: ReloadParts;
  /** What the agent runs with, and what the files said when they were read last. */
  #running: AgentConfig;
  #lastRead: AgentConfig;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: AgentConfig, parts: ReloadParts) {
    this.#parts = parts;
    this.#running = config;
    this.#lastRead = config;
  }

  /** What the agent runs with now. */
  get config(): AgentConfig {
    return this.#running;
  }

  /** Rejects with `AgentError` that names file, line and key; then nothing has changed. Both outcomes are logged. */
  reload(): Promise<ReloadReport> {
    const reload = this.#last.then(() => this.#reload());
    this.#last = reload.catch(() => undefined);
    return reload;
  }

  async #reload(): Promise<ReloadReport> {
    try {
      return await this.#apply();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.record({ kind: 'reloadFailed', reason });
      throw error instanceof AgentError ? new AgentError('failed', reason) : error;
    }
  }

  async #apply(): Promise<ReloadReport> {
    const { agent, log, handlers, runners, keyring, setRetryJoin, setTokens, read, prepareTls } = this.#parts;
    const { config: next, warnings } = await read();
    const config = reloadedConfig(this.#running, next);
    const files = await readOwnServices(config, runners);
    const edit = await keyring.read(this.#running, next);
    edit?.assertCurrent();
    const takeOverTls = await prepareTls(config);
    const outcome = await agent.execute({
      ...{ kind: 'reload', services: files.registrations, tags: config.tag, jobs: config.jobs },
      ...(edit === undefined ? {} : { keys: edit.keys }),
    });
    handlers.replace(config.handlers);
    setRetryJoin(config.retryJoin);
    setTokens(config);
    const hasNewCertificate = takeOverTls();
    log.setLevel(config.logLevel);
    const { differences, needsRestart } = diffSettings(this.#running, this.#lastRead, next);
    this.#running = config;
    this.#lastRead = next;
    const changes = [
      // Tags and jobs are told one by one.
      ...differences.filter(({ key }) => key !== 'tag' && key !== 'jobs').map(settingChange),
      ...(hasNewCertificate ? [CERTIFICATE_CHANGE] : []),
      ...outcome.tags.map(tagChange),
      ...(outcome.keys ?? []).map(keyChange),
      ...(outcome.jobs ?? []).map(jobChange),
      ...outcome.services.map(serviceChange),
    ];
    for (const { kind, name, text } of changes)
      this.#parts.record({ kind: 'reloadChange', part: kind, name, change: text });
    if (needsRestart.length > 0)
      this.#parts.record({ kind: 'restartNeeded', settings: needsRestart.join(', ') });
    this.#parts.record({ kind: 'reloaded', changes: changes.length });
    return {
      changes,
      needsRestart,
      warnings: [
        ...[...warnings, ...files.warnings, ...unsavedWarning(outcome)],
        ...(edit === undefined ? [] : await keyring.findUnsaved()),
      ],
    };
  }
}

/** Reads the `--service` files of an agent. Rejects with `AgentError('config')` at the first problem. */
export async function readOwnServices(
  config: AgentConfig,
  { explainDenial }: Pick<Runners, 'explainDenial'>,
): Promise<Pick<ServiceFiles, 'registrations' | 'warnings'>> {
  const files = await readServiceFiles(config.service, {
    node: config.node,
    trustedOnly: true,
    ...(config.allowExecChecks ? {} : { refuseExec: EXEC_NOT_ALLOWED }),
  });
  assertNoProblems(files);
  const denials = files.registrations.flatMap(({ location, checks }) =>
    checks.flatMap(({ id, probe }) => {
      const reason = explainDenial(probe);
      return reason === undefined ? [] : [`${location}: the check ${id} will be critical: ${reason}`];
    }),
  );
  return { registrations: files.registrations, warnings: [...files.warnings, ...denials] };
}

const EXEC_NOT_ALLOWED =
  'this agent does not allow checks that run programs: start it with --allow-exec-checks';

const settingChange = ({
  key,
  from,
  to,
  isInForce,
}: ReturnType<typeof diffSettings>['differences'][number]): ReloadChange => ({
  kind: 'setting',
  name: key,
  text: `${key} changed${from === to ? '' : ` from ${from} to ${to}`}${isInForce ? '' : ': needs a restart'}`,
});

const CERTIFICATE_CHANGE: ReloadChange = {
  kind: 'setting',
  name: 'httpTlsCert',
  text: 'the certificate of the HTTP API was read again, for connections from now on',
};

const tagChange = ({ key, from, to }: ReloadOutcome['tags'][number]): ReloadChange => ({
  kind: 'tag',
  name: key,
  text:
    to === undefined
      ? `tag ${key}=${from} was deleted`
      : `tag ${key}=${to} was set${from === undefined ? '' : ` (before: ${from})`}`,
});

function serviceChange({ id, change, fields }: ReloadOutcome['services'][number]): ReloadChange {
  const what = fields.length === 0 ? '' : `: ${fields.join(', ')}`;
  return { kind: 'service', name: id, text: `service ${id} ${SERVICE_CHANGES[change]}${what}` };
}

const SERVICE_CHANGES: Readonly<Record<ReloadOutcome['services'][number]['change'], string>> = {
  registered: 'was registered',
  changed: 'was changed',
  replaced: 'replaces its registration over HTTP',
  deregistered: 'was deregistered, since no file has it any more',
};

const jobChange = ({ name, change }: NonNullable<ReloadOutcome['jobs']>[number]): ReloadChange => ({
  kind: 'job',
  name,
  text: `job ${name} ${JOB_CHANGES[change]}`,
});

const JOB_CHANGES: Readonly<Record<NonNullable<ReloadOutcome['jobs']>[number]['change'], string>> = {
  added: 'was registered',
  changed: 'was changed',
  replaced: 'replaces its registration over HTTP',
  removed: 'was removed, since the configuration has it no more',
};

const unsavedWarning = ({ unsaved }: ReloadOutcome): string[] =>
  unsaved === undefined
    ? []
    : [`the data directory cannot be written (${unsaved}): what was set while the agent ran may be lost`];
