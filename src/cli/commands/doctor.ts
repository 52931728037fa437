/** `hearsay doctor`: what is wrong, why, and what mends it. */
import type { Command } from 'commander';
import { splitHostPort } from '../../base/address.ts';
import { examine, unknownNodes } from '../../doctor/examine.ts';
import type { DoctorFinding, Severity } from '../../doctor/finding.ts';
import { examineJoin } from '../../doctor/join.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { collectFacts } from '../api/facts.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { addSettingOptions, loadConfig } from '../input/settings.ts';
import { formatPairs } from '../output/pairs-matrix.ts';
import { sanitize } from '../sanitize.ts';

interface Options extends ClientOptions {
  readonly join?: string;
}

/** The settings that decide whether another agent hears this one. */
const ENVELOPE: ReadonlySet<string> = new Set(['keyringFile', 'label']);

export const doctorCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('[node...]', 'Show only what is about these nodes')
    .option(
      '--join <host[:port]>',
      'Before there is an agent: can one here join that one? With HEARSAY_GOSSIP_KEY and --label, as the agent will have them',
    );
  addSettingOptions(
    command,
    ({ key }) => ENVELOPE.has(key),
    () => true,
  ).action(
    toAction(cli, (nodes: readonly string[], options: Options) =>
      options.join === undefined
        ? doctor(cli, nodes, options)
        : doctorJoin(cli, command, nodes, { seed: options.join, json: options.json === true }),
    ),
  );
  addExample(command, 'hearsay doctor || hearsay doctor --json > findings.json');
  addExample(command, 'hearsay doctor --join 10.0.0.7');
};

async function doctorJoin(
  cli: CliContext,
  command: Command,
  nodes: readonly string[],
  { seed, json }: { readonly seed: string; readonly json: boolean },
): Promise<number> {
  const { io } = cli;
  if (nodes.length > 0)
    throw new CliError(EXIT.usage, '--join examines a seed without an agent: leave out the nodes');
  if (splitHostPort(seed.slice(seed.indexOf('/') + 1)) === undefined)
    throw new CliError(EXIT.usage, '--join: write HOST, HOST:PORT or [IPV6]:PORT');
  const { config } = await loadConfig(command, io);
  if (io.err.isTerminal) printNotice(io, `pinging ${seed} over TCP and UDP`);
  const { probeJoin } = await import('../../main.ts');
  const facts = await probeJoin(config, seed);
  const findings = examineJoin(facts);
  const ok = isWell(findings);
  if (json) printJson(io, { ok, findings, addresses: facts.addresses });
  else {
    printFindings(cli, findings);
    io.out.write(
      `${sanitize(
        ok ? `an agent of this host can join ${seed}` : `an agent of this host cannot join ${seed} as it is`,
      )}\n`,
    );
  }
  return ok ? EXIT.done : EXIT.failed;
}

const isWell = (findings: readonly DoctorFinding[]): boolean =>
  findings.every(({ severity }) => severity === 'note');

function printFindings(cli: CliContext, findings: readonly DoctorFinding[]): void {
  for (const finding of findings) cli.io.out.write(formatFinding(cli, finding));
}

async function doctor(cli: CliContext, nodes: readonly string[], options: ClientOptions): Promise<number> {
  const { io } = cli;
  const client = await createClient(cli, options);
  const examination = await collectFacts(cli, client, (step) => {
    if (io.err.isTerminal) io.err.write(`${step}\n`);
  });
  if (examination === undefined) return EXIT.interrupted;
  const { facts, pairs } = examination;
  const [unknown] = unknownNodes(facts, nodes);
  if (unknown !== undefined)
    throw new CliError(
      EXIT.notFound,
      `no node "${unknown}" is known: run \`hearsay members\` to list the nodes`,
    );
  const findings = examine(facts, nodes);
  const ok = isWell(findings);
  if (options.json === true) printJson(io, { ok, findings, ...pairs });
  else {
    printFindings(cli, findings);
    io.out.write(formatPairs(pairs, facts.members, cli.colors));
    io.out.write(summarize(facts.self, facts.members.length, facts.services.length, findings));
  }
  return ok ? EXIT.done : EXIT.failed;
}

const COLORS: Readonly<Record<Severity, 'red' | 'yellow' | 'dim'>> = {
  error: 'red',
  warning: 'yellow',
  note: 'dim',
};

function formatFinding({ colors }: CliContext, finding: DoctorFinding): string {
  const { severity, layer, sentence, evidence, fix } = finding;
  const head = `${colors[COLORS[severity]](severity.padEnd(8))} ${layer}: ${sanitize(sentence)}\n`;
  const lines = [
    ...evidence.map((one) => `         ${colors.dim(`seen: ${sanitize(one)}`)}\n`),
    `         mend: ${sanitize(fix)}\n`,
  ];
  return `${head}${lines.join('')}\n`;
}

function summarize(
  self: string,
  members: number,
  services: number,
  findings: readonly DoctorFinding[],
): string {
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const looked = `${sanitize(self)} sees ${count(members, 'member')} and ${count(services, 'service')}`;
  if (findings.length === 0) return `all is well: ${looked}\n`;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return `${count(findings.length, 'finding')}, ${count(errors, 'error')}; ${looked}\n`;
}
