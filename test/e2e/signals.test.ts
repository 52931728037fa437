/** S30: no signal opens Node's inspector; SIGUSR1 writes the metrics to the log, SIGUSR2 does nothing. */
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

test('S30 SIGUSR1 and SIGUSR2', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.74.21.1' });
  const wasOpen = await isOpen(9229); // by another program
  ann.child.kill('SIGUSR1');
  await waitUntil('the metrics are in the log', 10_000, () => /metric hearsay_members\{/.test(ann.log()));
  ann.child.kill('SIGUSR2');
  ann.child.kill('SIGUSR1');
  await waitUntil('a second time', 10_000, () => ann.log().split('metric hearsay_incarnation').length > 2);
  expect(ann.log()).not.toContain('Debugger listening');
  expect(await isOpen(9229)).toBe(wasOpen);
  expect(ann.child.exitCode).toBeNull();
});
