#!/usr/bin/env node
import { run } from '../dist/cli/index.js';

const code = await run(process.argv.slice(2));
process.exitCode ||= code; // an agent that had to give up has already said so
