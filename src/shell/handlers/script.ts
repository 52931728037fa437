/** A handler that is a program: what it is told as Serf tells its scripts, and what it says if it ends well. */
import { firstBytes } from '../../checks/output.ts';
import { runProgram } from '../program.ts';
import { type Action, Head, MAX_KEPT_BYTES } from './action.ts';
import { environmentOf, inputOf } from './news.ts';

export const scriptAction =
  (argv: readonly string[], timeout: number): Action =>
  async (news, self, signal) => {
    const late = AbortSignal.timeout(timeout);
    const said = new Head();
    const ended = await runProgram({
      argv,
      env: environmentOf(news, self),
      input: inputOf(news),
      signal: AbortSignal.any([signal, late]),
      heard: (chunk) => said.push(chunk),
    });
    if (late.aborted) throw new Error(`it took longer than ${timeout / 1000} s and was stopped`);
    if (ended.code === 0) return said.bytes();
    const words = firstBytes(said.bytes(), MAX_KEPT_BYTES).trim();
    const end = ended.signal === null ? `exit code ${ended.code}` : `ended by ${ended.signal}`;
    throw new Error(words === '' ? end : `${end}: ${words}`);
  };
