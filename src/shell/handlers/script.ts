/** A handler that is a program: what it is told as Serf tells its scripts, and what it says if it ends well. */
import { utf8Head } from '../../checks/output.ts';
import { runProgram } from '../program.ts';
import { type Action, MAX_HANDLER_OUTPUT_BYTES, OutputHead, withTimeout } from './action.ts';
import { scriptEnvironment, scriptInput } from './news.ts';

export const scriptAction =
  (argv: readonly string[], timeout: number): Action =>
  async (news, self, closing) => {
    const said = new OutputHead();
    const words = `it took longer than ${timeout / 1000} s and was stopped`;
    const { code, signal } = await withTimeout(timeout, words, closing, (over) =>
      runProgram({
        argv,
        env: scriptEnvironment(news, self),
        input: scriptInput(news),
        signal: over,
        onOutput: (chunk) => said.append(chunk),
      }),
    );
    if (code === 0) return said.bytes();
    const why = utf8Head(said.bytes(), MAX_HANDLER_OUTPUT_BYTES).trim();
    const end = signal === null ? `exit code ${code}` : `ended by ${signal}`;
    throw new Error(why === '' ? end : `${end}: ${why}`);
  };
