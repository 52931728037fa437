/** Lines of streams, however they are cut into chunks: none is left out. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { splitLines } from '../../../../src/cli/api/lines.ts';

async function linesOf(chunks: readonly string[], maxLine?: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const response = Readable.from(chunks.map((chunk) => Buffer.from(chunk))) as unknown as IncomingMessage;
  await splitLines(response, 'http://127.89.1.1:8500', (line) => lines.push(line), maxLine);
  return lines;
}

test('lines come whole, in their order, without the one that has not ended', async () => {
  expect(await linesOf(['a', 'b\n', '', 'c\n\nd', '\n', 'e'])).toEqual(['ab', 'c', '', 'd']);
});

test('a service of ten thousand instances is one line of 5 MB, and is not left out', async () => {
  const part = 'x'.repeat(65_536);
  const lines = await linesOf([...Array.from({ length: 80 }, () => part), '\nlast\n']);
  expect(lines.map(({ length }) => length)).toEqual([80 * 65_536, 4]);
});

test('a line that is longer than anything an agent sends ends the stream with a sentence', async () => {
  await expect(linesOf(['ok\n', 'x'.repeat(2 ** 20), 'x', '\nnext\n'], 2 ** 20)).rejects.toThrow(
    'the agent at http://127.89.1.1:8500 sent a line of more than 1 MB: follow fewer services',
  );
});
