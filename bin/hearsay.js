#!/usr/bin/env node
// Without a listener Node opens its inspector at this signal, to every account of the host (S30).
process.on('SIGUSR1', () => {});
const { runCli } = await import('../dist/cli/index.js');

const code = await runCli(process.argv.slice(2));
process.exitCode ||= code; // an agent that stopped on an error has set its own code
