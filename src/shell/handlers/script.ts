/** Script handlers: a program gets the event as Serf passes it to its scripts; its output is the result. */
import { utf8Head } from '../../checks/output.ts';
import { formatExit, type ProgramUser, runProgram } from '../program.ts';
import { type Action, MAX_HANDLER_OUTPUT_BYTES, OutputHead, withTimeout } from './action.ts';
import { scriptEnvironment, scriptInput } from './serf-env.ts';

export const scriptAction =
  (argv: readonly string[], timeout: number, user?: ProgramUser): Action =>
  async (event, self, closing) => {
    const output = new OutputHead();
    const message = `not finished after ${timeout / 1000} s: the program was stopped`;
    const exit = await withTimeout(timeout, message, closing, (signal) =>
      runProgram({
        argv,
        ...(user === undefined ? {} : { user }),
        env: scriptEnvironment(event, self),
        input: scriptInput(event),
        signal,
        onOutput: (chunk) => output.append(chunk),
      }),
    );
    if (exit.code === 0) return output.bytes();
    const text = utf8Head(output.bytes(), MAX_HANDLER_OUTPUT_BYTES).trim();
    throw new Error(text === '' ? formatExit(exit) : `${formatExit(exit)}: ${text}`);
  };
