/** The lines of a response that the agent goes on writing: of a log, an event stream, a lease. */
import type { IncomingMessage } from 'node:http';
import { CliError, EXIT } from '../command.ts';

/** Characters of a line; a longer one is discarded. */
const MAX_LINE = 1024 * 1024;

/** Calls `onLine` for each complete line. Rejects when the connection breaks. */
export async function splitLines(
  response: IncomingMessage,
  address: string,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const text of readUnbroken(response, address)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length > MAX_LINE) rest = '';
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
