/** `hearsay containers`: the container engines that the agent follows, and which containers it does not register, and why. */
import { addClientOptions, type ClientOptions, createClient } from '../api/client.ts';
import { ContainerEnginesSchema, parseResponse } from '../api/schemas.ts';
import {
  addExample,
  type CliContext,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

/** Errors about labels send people here. */
const LABELS = `Labels of a container that the agent reads:
  hearsay.name            Name of the service; without it, that of the container
  hearsay.enable          true registers a container without other labels
  hearsay.port            Port of the container; without it, all it publishes
  hearsay.ports           Named ports: http:8080,metrics:9090
  hearsay.tags            Tags, separated by commas
  hearsay.weight          Weight in DNS and balancers
  hearsay.meta.KEY        A pair of the service's meta
  hearsay.check.http      URL or path of a check; also check.tcp and check.grpc
  hearsay.check.interval  Pause between two runs; also check.timeout
Several services of one container: hearsay.SERVICE.port and so on.`;

export const containersCommand: CommandBuilder = (command, cli) => {
  addClientOptions(command)
    .addHelpText('after', `\n${LABELS}`)
    .action(toAction(cli, (options: ClientOptions) => showEngines(cli, options)));
  addExample(command, 'hearsay containers');
};

/** Exits 1 if an engine is away. A container that is refused is its owner's matter. */
async function showEngines(cli: CliContext, options: ClientOptions): Promise<number> {
  const { io, colors } = cli;
  const client = await createClient(cli, options);
  const engines = parseResponse(ContainerEnginesSchema, await client.get('/v1/hearsay/containers'), client);
  if (options.json === true) printJson(io, engines);
  else if (engines.length === 0)
    printNotice(io, 'this agent follows no container engine: start it with --containers docker or podman');
  else {
    io.out.write(
      formatTable(
        ['ENGINE', 'CONTAINERS', 'REFUSED', 'STATUS'],
        engines.map(({ engine, containers, refusals, away }) => [
          ...[engine, String(containers), String(refusals)],
          away === null ? 'followed' : `away: ${away}`,
        ]),
        (cell, column) => (column !== 3 ? cell : cell === 'followed' ? colors.green(cell) : colors.red(cell)),
      ),
    );
    for (const { refused, refusals } of engines) {
      for (const { container, reason } of refused)
        io.out.write(`${sanitize(container)} is not registered: ${sanitize(reason)}\n`);
      if (refusals > refused.length) io.out.write(`and ${refusals - refused.length} more\n`);
    }
  }
  return engines.some(({ away }) => away !== null) ? EXIT.failed : EXIT.done;
}
