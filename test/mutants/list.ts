/** All planted bugs. */
import type { Mutant } from './mutant.ts';
import { agent } from './rooms/agent.ts';
import { catalog } from './rooms/catalog.ts';
import { checks } from './rooms/checks.ts';
import { serf } from './rooms/serf.ts';
import { shell } from './rooms/shell.ts';
import { swim } from './rooms/swim.ts';
import { wire } from './rooms/wire.ts';

export const MUTANTS: readonly Mutant[] = [
  ...wire,
  ...swim,
  ...serf,
  ...catalog,
  ...agent,
  ...checks,
  ...shell,
];
