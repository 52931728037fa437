/** What a systemd unit of `Type=notify` hears from an agent. */
import { afterEach, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import { openNotifySocket } from '../support/notify-socket.ts';
import { isInstalled, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const TOOLS = ['systemd-notify', 'python3'];
const WATCHDOG_MICROS = 400_000;

describe.skipIf(!TOOLS.every(isInstalled))(
  `a service manager (skipped where one of ${TOOLS} is missing)`,
  () => {
    afterEach(killProcesses);

    test('is told of readiness once a member has sent its catalog, is fed, and is told of the stop', async () => {
      const { path, messages } = await openNotifySocket();
      const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: String(WATCHDOG_MICROS) };
      const args = ['--retry-join', '127.38.2.1', '--retry-join-interval', '1s'];
      const late = await startHearsay({ name: 'late', ip: '127.38.2.2', args, env });
      expect(messages()).not.toContain('READY=1'); // its seed does not run, and its patience has just begun
      await startHearsay({ name: 'seed', ip: '127.38.2.1' });
      await waitUntil('it is ready', 15_000, () => messages().includes('READY=1'));
      expect(await getJson<readonly unknown[]>(`${late.http}/v1/agent/members`)).toHaveLength(2);
      const fed = messages().length;
      await waitUntil('it is fed five times more', 15_000, () => messages().length >= fed + 5);
      expect(new Set(messages().filter((word) => word !== 'WATCHDOG=1'))).toEqual(new Set(['READY=1']));
      await late.leave();
      await waitUntil('it is told of the stop', 5000, () => messages().includes('STOPPING=1'));
    });

    test('is told after the patience if no seed answers, and at once without one', async () => {
      const [alone, waiting] = [await openNotifySocket(), await openNotifySocket()];
      await startHearsay({ name: 'alone', ip: '127.38.2.3', env: { NOTIFY_SOCKET: alone.path } });
      await waitUntil('it is ready', 5000, () => alone.messages().includes('READY=1'));
      const args = ['--retry-join', '127.38.2.9'];
      await startHearsay({ name: 'waiting', ip: '127.38.2.4', args, env: { NOTIFY_SOCKET: waiting.path } });
      await waitUntil('patience is over', 15_000, () => waiting.messages().includes('READY=1'));
    });

    test('another process is watched: it is not fed', async () => {
      const { path, messages } = await openNotifySocket();
      const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: String(WATCHDOG_MICROS), WATCHDOG_PID: '1' };
      const agent = await startHearsay({ name: 'child', ip: '127.38.2.5', env });
      await waitUntil('it is ready', 5000, () => messages().includes('READY=1'));
      await agent.leave();
      await waitUntil('it is told of the stop', 5000, () => messages().includes('STOPPING=1'));
      expect(messages()).toEqual(['READY=1', 'STOPPING=1']);
    });

    test('an agent without the program runs, and says what to do', async () => {
      const { path, messages } = await openNotifySocket();
      const env = { NOTIFY_SOCKET: path, PATH: '/nonexistent' };
      const agent = await startHearsay({ name: 'lonely', ip: '127.38.2.6', env });
      await waitUntil('it warns', 5000, () => agent.log().includes('systemd-notify does not work'));
      expect(messages()).toEqual([]);
    });
  },
);
