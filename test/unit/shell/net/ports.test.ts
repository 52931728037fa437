import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { bindError, openPorts, type PortEvents } from '../../../../src/shell/net/ports.ts';
import { at, LOCAL } from '../support.ts';

const deaf: PortEvents = {
  onPacket: () => {},
  onSendError: () => {},
  onInput: () => {},
  onRefused: () => {},
  onError: () => {},
};

test('port 0 becomes one free port, the same for UDP and TCP', async () => {
  for (let i = 0; i < 20; i++) {
    const { udp, tcp } = await openPorts(LOCAL, deaf);
    expect(udp.address.port).toBeGreaterThan(0);
    expect(tcp.address).toEqual(udp.address);
    await Promise.all([udp.close(), tcp.close()]);
  }
});

test('a port that is in use for UDP is refused with a message that says what to do', async () => {
  const other = createSocket('udp4');
  await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', () => resolve()));
  const { port } = other.address();

  await expect(openPorts(at(`127.0.0.1:${port}`), deaf)).rejects.toMatchObject({
    code: 'config',
    exit: 78,
    message: `UDP 127.0.0.1:${port} is already in use: stop the other program or choose another port with --bind`,
  });
  await new Promise<void>((resolve) => other.close(() => resolve()));
});

test('a port that is in use for TCP is refused, and its UDP socket is closed', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
  const bound = other.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;

  await expect(openPorts(at(`127.0.0.1:${port}`), deaf)).rejects.toThrow(
    `TCP 127.0.0.1:${port} is already in use: stop the other program or choose another port with --bind`,
  );
  await new Promise<void>((resolve) => other.close(() => resolve()));
  const { udp, tcp } = await openPorts(at(`127.0.0.1:${port}`), deaf);
  await Promise.all([udp.close(), tcp.close()]);
});

test('an address of another host is refused', async () => {
  await expect(openPorts(at('192.0.2.1:0'), deaf)).rejects.toThrow(
    '192.0.2.1 is not an address of this host: choose one of its addresses with --bind',
  );
});

test.each([
  ['EACCES', 'UDP 127.0.0.1:80 cannot be opened by this user: choose a port of 1024 or above with --bind'],
  ['EMFILE', 'UDP 127.0.0.1:80 cannot be opened (EMFILE): choose another with --bind'],
])('%s has a message of its own', (code, sentence) => {
  expect(bindError('UDP', at('127.0.0.1:80'), Object.assign(new Error(code), { code })).message).toBe(
    sentence,
  );
});
