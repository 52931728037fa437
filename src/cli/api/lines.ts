/** The lines of a response that the agent goes on writing: of a log, an event stream, a lease. */
import type { IncomingMessage } from 'node:http';
import { CliError, EXIT } from '../command.ts';

/**
 * Characters of a line, as many as a whole response may have: an event has all instances of a service in one, which for 10,000 of
 * them is some 5 MB. Without a bound a broken server would fill the memory.
 */
const MAX_LINE = 64 * 1024 * 1024;

/** Calls `onLine` for each complete line. Rejects when the connection breaks, and at a line that is too long: to leave it out would be a lie. Only tests set `maxLine`. */
export async function splitLines(
  response: IncomingMessage,
  address: string,
  onLine: (line: string) => void,
  maxLine = MAX_LINE,
): Promise<void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const text of readUnbroken(response, address)) {
    const [end = '', ...begun] = text.split('\n');
    rest += end; // joined once, at its end, however many chunks it came in
    for (const line of begun) {
      onLine(rest);
      rest = line;
    }
    if (rest.length > maxLine)
      throw new CliError(
        EXIT.failed,
        `the agent at ${address} sent a line of more than ${maxLine / 2 ** 20} MB: follow fewer services, or split the largest`,
      );
  }
}

/** The text as it arrives. Node says only "aborted" when the connection breaks. */
async function* readUnbroken(response: IncomingMessage, address: string): AsyncGenerator<string> {
  try {
    yield* response as AsyncIterable<string>;
  } catch {
    throw new CliError(
      EXIT.noAgent,
      `the agent at ${address} closed the connection: check that it is still running`,
    );
  }
}
