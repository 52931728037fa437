#!/usr/bin/env node
import { runCli } from '../dist/cli/index.js';

const code = await runCli(process.argv.slice(2));
process.exitCode ||= code; // an agent that stopped on an error has set its own code
