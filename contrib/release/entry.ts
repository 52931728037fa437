/** The program as one CommonJS file, for the single executable: bin/hearsay.js without a file beside it. */
// Without a listener Node opens its inspector at this signal, to every account of the host (S30).
process.on('SIGUSR1', () => {});

void import('../../src/cli/index.ts').then(async ({ runCli }) => {
  const code = await runCli(process.argv.slice(2));
  process.exitCode ||= code; // an agent that stopped on an error has set its own code
});
