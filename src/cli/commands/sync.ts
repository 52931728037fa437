/** `hearsay sync`: keeps what a proxy serves, or a file, equal to the catalog. */
import { addExample, type CommandBuilder } from '../command.ts';
import { addFileCommand, addNginxCommand } from '../sync/file.ts';
import { addHaproxyCommand, HAPROXY_EXAMPLE } from '../sync/haproxy.ts';

export const syncCommand: CommandBuilder = (command, cli) => {
  addHaproxyCommand(command, cli);
  addNginxCommand(command, cli);
  addFileCommand(command, cli);
  addExample(command, HAPROXY_EXAMPLE);
};
