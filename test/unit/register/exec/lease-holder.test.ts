import { describe, expect, test } from 'vitest';
import { type LeaseClient, LeaseHolder } from '../../../../src/register/exec/lease-holder.ts';
import { waitUntil } from '../../../support/wait.ts';

const HELD = '{"lease":"L","service":"web","services":["web"]}';

/** An agent whose answers a test writes, and that says what was asked. */
class FakeAgent implements LeaseClient {
  readonly asked: string[] = [];
  /** Ends the present answer. */
  end: (error?: Error) => void = () => undefined;
  say: (line: string) => void = () => undefined;
  isAway = false;
  /** It has the lease, and its answer is still under way. */
  isSlow = false;
  /** It takes requests and answers none, as when it is stopped by SIGSTOP. */
  isHung = false;

  hold(path: string, _: unknown, signal: AbortSignal, onLine: (line: string) => void): Promise<void> {
    this.asked.push(`PUT ${path}`);
    if (this.isAway) return Promise.reject(new Error('no agent answers'));
    this.say = onLine;
    return new Promise((resolve, reject) => {
      this.end = (error) => (error === undefined ? resolve() : reject(error));
      signal.addEventListener('abort', () => resolve());
      if (this.isSlow) return;
      onLine(HELD);
      onLine('');
    });
  }

  async delete(path: string, signal: AbortSignal): Promise<void> {
    this.asked.push(`DELETE ${path}`);
    if (this.isHung)
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          this.asked.push('aborted');
          reject(new Error('aborted'));
        }),
      );
    this.say('{"lease":"L","ended":"its services were deregistered"}');
    this.end();
  }
}

function holding(mustAnswer = false) {
  const agent = new FakeAgent();
  const seen: string[] = [];
  const holder = new LeaseHolder({
    ...{ client: agent, lease: 'L', services: [{ Name: 'web' }], grace: '10s', mustAnswer },
    onHeld: (services) => seen.push(`held ${services.join()}`),
    onLost: (reason, ended) => seen.push(`${ended ? 'ended' : 'lost'}: ${reason}`),
  });
  const times = (what: string, count: number): Promise<true> =>
    waitUntil(`${count} times ${what}`, 5000, () => seen.filter((one) => one === what).length === count);
  return { agent, holder, seen, times };
}

describe('a lease holder', () => {
  test('gives up the request to an agent that hangs: a process that waits for it ends late', async () => {
    const { agent, holder, times } = holding();
    void holder.hold();
    await times('held web', 1);
    agent.isHung = true;
    await holder.release('');
    expect(agent.asked.slice(1)).toEqual(['DELETE /v1/hearsay/lease/L', 'aborted']);
  });

  test('leaves no timer behind when it is released: a process that waits for one ends late', async () => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const { holder, times } = holding();
    void holder.hold();
    await times('held web', 1);
    const before = timers();
    await holder.release('exit code 3');
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test('opens the same lease again when the agent stops, as often as it does, and says so once', async () => {
    const { agent, holder, seen, times } = holding();
    const done = holder.hold();
    await times('held web', 1);
    agent.isAway = true;
    agent.end();
    await waitUntil('it has tried again', 5000, () => agent.asked.length > 3);
    agent.isAway = false;
    await times('held web', 2);
    agent.end(new Error('connection reset by peer'));
    await times('held web', 3);
    expect(seen).toEqual([
      ...['held web', 'lost: the agent has stopped', 'held web'],
      ...['lost: connection reset by peer', 'held web'],
    ]);
    expect(new Set(agent.asked)).toEqual(new Set(['PUT /v1/hearsay/lease?lease=L&grace=10s']));
    await holder.release('');
    await done;
  });

  test('does not come back to a lease that has ended at the agent', async () => {
    const { agent, holder, seen, times } = holding();
    const done = holder.hold();
    await times('held web', 1);
    agent.say('{"lease":"L","ended":"another connection holds it"}');
    agent.end();
    await done;
    expect(seen).toEqual(['held web', 'ended: another connection holds it']);
  });

  test('releases with a reason before it closes, and does not tell its own end as news', async () => {
    const { agent, holder, seen, times } = holding();
    const done = holder.hold();
    await times('held web', 1);
    await holder.release('137: killed');
    await done;
    expect(agent.asked.at(-1)).toBe('DELETE /v1/hearsay/lease/L?reason=137%3A%20killed');
    expect(seen).toEqual(['held web']);
  });

  test('releases what it has asked for and was not answered yet', async () => {
    const { agent, holder } = holding();
    agent.isSlow = true;
    const done = holder.hold();
    await holder.release('');
    await done;
    expect(agent.asked).toEqual(['PUT /v1/hearsay/lease?lease=L&grace=10s', 'DELETE /v1/hearsay/lease/L']);
  });

  test('waits for an agent that is away from the first, unless one must answer', async () => {
    const patient = holding();
    patient.agent.isAway = true;
    void patient.holder.hold();
    await waitUntil('it has tried', 5000, () => patient.agent.asked.length > 1);
    patient.agent.isAway = false;
    await patient.times('held web', 1);
    await patient.holder.release('');

    const strict = holding(true);
    strict.agent.isAway = true;
    await expect(strict.holder.hold()).rejects.toThrow('no agent answers');
  });
});
