/** The services that `exec` and `lease` take as words: `NAME[:PORT]`, with tags and checks for all of them. */
import type { Command } from 'commander';
import { parseDuration } from '../../config/setting.ts';
import { readServiceText } from '../../files/service-files.ts';
import { type CliContext, CliError, EXIT, printNotice } from '../command.ts';
import { collectValues, parsePair } from './pairs.ts';

export interface LeasedServiceOptions {
  readonly id?: string;
  readonly address?: string;
  readonly tag?: readonly string[];
  readonly meta?: readonly string[];
  readonly check?: readonly string[];
  readonly checkInterval: string;
  readonly grace: string;
}

/** A service in the shape of Consul's API. */
export interface LeasedService {
  readonly ID: string;
  readonly Name: string;
  readonly Port: number;
  readonly Address: string;
}

export const addLeasedServiceOptions = (command: Command): Command =>
  command
    .option('--tag <tag>', 'Tag of the services; may be repeated', collectValues)
    .option(
      '--check <check>',
      'Health check: /PATH or URL (HTTP), tcp, or HOST:PORT; may be repeated',
      collectValues,
    )
    .option('--check-interval <duration>', 'How often the checks run (default: 5s)', '5s')
    .option('--meta <key=value>', 'Metadata of the services; may be repeated', collectValues)
    .option('--id <id>', 'ID of the service (default: NAME-PORT)')
    .option('--address <address>', 'Address of the services (default: that of the agent)')
    .option(
      '--grace <duration>',
      'How long a service stays in view after its process died (default: 10s)',
      '10s',
    );

/** A duration of the command line, in milliseconds. */
export function parseDurationOption(flag: string, text: string): number {
  try {
    const millis = parseDuration(text);
    if (millis >= 0) return millis;
  } catch {
    // said below
  }
  throw new CliError(EXIT.usage, `${flag}: "${text}" is not a duration such as 10s or 1m30s`);
}

/** Reads the words, and has the definitions judged as the agent will. `choosePort` gives the port of a word with the port 0. */
export async function readLeasedServices(
  cli: CliContext,
  words: readonly string[],
  options: LeasedServiceOptions,
  choosePort: () => Promise<number>,
): Promise<readonly LeasedService[]> {
  if (words.length === 0) throw new CliError(EXIT.usage, 'name the service first, as in web:8080');
  if (options.id !== undefined && words.length > 1)
    throw new CliError(EXIT.usage, '--id is for one service: leave it out where there are several');
  parseDurationOption('--grace', options.grace);
  parseDurationOption('--check-interval', options.checkInterval);
  const services: LeasedService[] = [];
  for (const word of words) services.push(await readService(word, options, choosePort));
  const { problems, warnings } = await readServiceText('command line', JSON.stringify({ services }), {
    refuseExec: 'a check that runs a program is only accepted from a --service file of the agent',
  });
  for (const warning of warnings) printNotice(cli.io, `warning: ${warning}`);
  if (problems.length > 0) throw new CliError(EXIT.usage, problems.join('; '));
  return services;
}

async function readService(
  word: string,
  options: LeasedServiceOptions,
  choosePort: () => Promise<number>,
): Promise<LeasedService> {
  const [, name, digits] = /^([^:]+)(?::(\d{1,5}))?$/.exec(word) ?? [];
  if (name === undefined || Number(digits ?? 0) > 65_535)
    throw new CliError(EXIT.usage, `"${word}" is not NAME or NAME:PORT, as in web:8080`);
  const wanted = digits === undefined ? undefined : Number(digits);
  const port = wanted === 0 ? await choosePort() : (wanted ?? 0);
  const { address = '' } = options;
  const checks = (options.check ?? []).map((check) => toCheck(check, port, address, options.checkInterval));
  return {
    ID: options.id ?? (port === 0 ? name : `${name}-${port}`),
    Name: name,
    Port: port,
    Address: address,
    ...(options.tag === undefined ? {} : { Tags: options.tag }),
    ...(options.meta === undefined
      ? {}
      : { Meta: Object.fromEntries(options.meta.map((pair) => parsePair(pair, '--meta'))) }),
    ...(checks.length === 0 ? {} : { Checks: checks }),
  };
}

function toCheck(text: string, port: number, address: string, interval: string): Record<string, string> {
  if (/^https?:\/\//.test(text)) return { HTTP: text, Interval: interval };
  const host = address === '' ? '127.0.0.1' : address.includes(':') ? `[${address}]` : address;
  const needsPort = text === 'tcp' || text.startsWith('/');
  if (needsPort && port === 0)
    throw new CliError(EXIT.usage, `--check ${text}: needs a service with a port, as in web:8080`);
  if (text.startsWith('/')) return { HTTP: `http://${host}:${port}${text}`, Interval: interval };
  if (text === 'tcp') return { TCP: `${host}:${port}`, Interval: interval };
  if (/^[^/\s]+:\d+$/.test(text)) return { TCP: text, Interval: interval };
  throw new CliError(EXIT.usage, `--check: "${text}" is no /PATH, URL, tcp or HOST:PORT`);
}
