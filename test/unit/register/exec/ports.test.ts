import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { countConnections, findFreePort, isListening } from '../../../../src/register/exec/ports.ts';
import { waitUntil } from '../../../support/wait.ts';

test('a port that is free, then listens, then has a connection, then has none', async () => {
  const port = await findFreePort();
  expect(await isListening('', port)).toBe(false);
  const server = createServer((socket) => socket.resume());
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect([await isListening('', port), await isListening('127.0.0.1', port)]).toEqual([true, true]);
  await waitUntil('what was dialed is closed', 5000, async () => (await countConnections([port])) === 0);
  const client = connect(port, '127.0.0.1');
  await waitUntil('it is counted', 5000, async () => (await countConnections([port, 1])) === 1);
  client.destroy();
  await waitUntil('it is gone', 5000, async () => (await countConnections([port])) === 0);
});

test.skipIf(process.platform !== 'linux')(
  'a program that listens at one address of the host only, as at that of its agent, is found',
  async () => {
    const port = await findFreePort();
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(port, '127.40.0.77', resolve));
    expect([await isListening('', port), await isListening('127.0.0.1', port)]).toEqual([true, false]);
  },
);
