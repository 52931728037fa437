/** `hearsay doctor`: what is wrong, why, and what mends it. */

import { examine, unknownNodes } from '../../doctor/examine.ts';
import type { DoctorFinding, Severity } from '../../doctor/finding.ts';
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { collectFacts } from '../api/facts.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  toAction,
} from '../command.ts';
import { sanitize } from '../sanitize.ts';

export const doctorCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .argument('[node...]', 'Show only what is about these nodes')
    .action(toAction(cli, (nodes: readonly string[], options: ClientOptions) => doctor(cli, nodes, options)));
  addExample(command, 'hearsay doctor || hearsay doctor --json > findings.json');
};

async function doctor(cli: CliContext, nodes: readonly string[], options: ClientOptions): Promise<number> {
  const { io } = cli;
  const client = await createClient(cli, options);
  const facts = await collectFacts(cli, client, (step) => {
    if (io.err.isTerminal) io.err.write(`${step}\n`);
  });
  if (facts === undefined) return EXIT.interrupted;
  const [unknown] = unknownNodes(facts, nodes);
  if (unknown !== undefined)
    throw new CliError(
      EXIT.notFound,
      `no node "${unknown}" is known: run \`hearsay members\` to list the nodes`,
    );
  const findings = examine(facts, nodes);
  const ok = findings.every(({ severity }) => severity === 'note');
  if (options.json === true) printJson(io, { ok, findings });
  else {
    for (const finding of findings) io.out.write(formatFinding(cli, finding));
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
