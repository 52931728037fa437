import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { startAgent } from '../../../src/main.ts';
import { ENCRYPT_HEADER_BYTES, NONCE_BYTES } from '../../../src/wire/crypt.ts';
import { until } from './support.ts';

/** Someone who is dialed, keeps the nonce of what is said, and hangs up. */
async function listener(): Promise<{ address: string; nonces: string[] }> {
  const nonces: string[] = [];
  const server = createServer((socket) => {
    let heard = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      const from = ENCRYPT_HEADER_BYTES + 1; // behind the version
      if (heard.length < from + NONCE_BYTES) return;
      nonces.push(heard.subarray(from, from + NONCE_BYTES).toString('hex'));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('it does not listen');
  return { address: `127.0.0.1:${bound.port}`, nonces };
}

test('a started agent never encrypts twice with the same nonce', async () => {
  const { address, nonces } = await listener();
  const { config } = resolveConfig({
    flags: { node: 'ann', bind: '127.0.0.1:0', http: 'off', dns: 'off', logLevel: 'error' },
    env: { HEARSAY_GOSSIP_KEY: Buffer.alloc(32, 7).toString('base64') },
    files: [],
    hostname: 'ann',
  });
  const ann = await startAgent(config);
  onTestFinished(() => ann.stop());

  for (let i = 0; i < 3; i++)
    expect(await ann.agent.execute({ kind: 'join', seeds: [address] })).toMatchObject({ joined: 0 });
  await until(() => nonces.length === 3, 'three dials');

  expect(new Set(nonces).size).toBe(3);
  expect(nonces).not.toContain('0'.repeat(2 * NONCE_BYTES));
});
