/** Ordered leaves among agents of both kinds: shown as `left`, and no handler hears of a failure. */
import { afterEach, expect, test } from 'vitest';
import { isInstalled, killProcesses, startHearsay, startSerf } from '../support/processes.ts';
import { wireComplaints } from '../support/serf.ts';
import { sleep, waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

test.skipIf(!isInstalled('serf'))(
  'who leaves in order, of either kind, is left at all agents of ours, and at none of them failed',
  { timeout: 180_000 },
  async () => {
    const ip = (host: number): string => `127.73.61.${host}`;
    const join = `${ip(1)}:7946`;
    const s1 = await startSerf({ name: 's1', ip: ip(1) });
    const witnesses = await Promise.all(
      [1, 2, 3].map((i) => startHearsay({ name: `h${i}`, ip: ip(10 + i), join })),
    );
    const leavers = [
      await startHearsay({ name: 'ours', ip: ip(21), join }),
      await startSerf({ name: 'real', ip: ip(22), join }),
    ];
    for (const witness of witnesses)
      await waitUntil(`${witness.name} sees all`, 20_000, async () => {
        const rows = await witness.members();
        return rows.filter(({ status }) => status === 'alive').length === 6;
      });

    for (const leaver of leavers) {
      await leaver.leave();
      for (const witness of witnesses)
        await waitUntil(`${leaver.name} is left at ${witness.name}`, 10_000, async () =>
          (await witness.members()).some(({ name, status }) => name === leaver.name && status === 'left'),
        );
    }
    await sleep(3000);

    for (const witness of witnesses) {
      const log = witness.log();
      expect(log.match(/"node":"(ours|real)"[^\n]*"msg":"member left"/g)?.length, witness.name).toBe(2);
      expect(log).not.toMatch(/"node":"(ours|real)"[^\n]*"msg":"member failed"/);
      expect((await witness.members()).filter(({ status }) => status === 'failed')).toEqual([]);
    }
    expect(wireComplaints(s1.log())).toEqual([]);
  },
);
