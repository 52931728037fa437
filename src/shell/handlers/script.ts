/** A handler that is a program: what it is told as Serf tells its scripts, and what it says if it ends well. */
import { firstBytes } from '../../checks/output.ts';
import { runProgram } from '../program.ts';
import { type Action, Head, MAX_KEPT_BYTES, within } from './action.ts';
import { environmentOf, inputOf } from './news.ts';

export const scriptAction =
  (argv: readonly string[], timeout: number): Action =>
  async (news, self, closing) => {
    const said = new Head();
    const words = `it took longer than ${timeout / 1000} s and was stopped`;
    const { code, signal } = await within(timeout, words, closing, (over) =>
      runProgram({
        argv,
        env: environmentOf(news, self),
        input: inputOf(news),
        signal: over,
        heard: (chunk) => said.push(chunk),
      }),
    );
    if (code === 0) return said.bytes();
    const why = firstBytes(said.bytes(), MAX_KEPT_BYTES).trim();
    const end = signal === null ? `exit code ${code}` : `ended by ${signal}`;
    throw new Error(why === '' ? end : `${end}: ${why}`);
  };
