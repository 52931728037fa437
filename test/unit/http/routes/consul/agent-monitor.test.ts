/** `/v1/agent/monitor`: the live log, for fast and slow clients. Source: Consul HTTP API, "Stream Logs". */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LogFeed } from '../../../../../src/agent/contract/feeds.ts';
import type { LogLevel } from '../../../../../src/config/schema.ts';
import { waitUntil } from '../../../../support/wait.ts';
import { FakeAgent, INFO, member, send, serve } from '../../fixture.ts';

/** A log that emits given records. */
class FakeLog implements LogFeed {
  readonly levels: LogLevel[] = [];
  readonly takers = new Set<(line: string) => void>();

  follow(level: LogLevel, take: (line: string) => void): () => void {
    this.levels.push(level);
    this.takers.add(take);
    return () => this.takers.delete(take);
  }

  say(fields: object): void {
    const line = JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.006Z', ...fields });
    for (const take of this.takers) take(`${line}\n`);
  }
}

async function monitored() {
  const log = new FakeLog();
  const server = await serve(new FakeAgent(member('ann')), { info: { ...INFO, logs: log } });
  const [host, port] = server.address.split(':');
  const open = (
    query = '',
  ): { text: () => string; answer: () => IncomingMessage | undefined; call: ClientRequest } => {
    let text = '';
    let answer: IncomingMessage | undefined;
    const call = request({ host, port, path: `/v1/agent/monitor${query}`, agent: false }, (incoming) => {
      answer = incoming;
      incoming.on('error', () => undefined);
      if (query.includes('slow')) return; // not read until the test reads it
      incoming.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    });
    call.on('error', () => undefined);
    call.end();
    onTestFinished(() => void call.destroy());
    return { text: () => text, answer: () => answer, call };
  };
  const followers = (count: number): Promise<true> =>
    waitUntil(`${count} follow`, 10_000, () => log.takers.size === count || undefined);
  return { log, server, open, followers };
}

describe('GET /v1/agent/monitor', () => {
  test('the reply starts at once; lines come as they are written, as text or as JSON', async () => {
    const { log, open, followers } = await monitored();
    const text = open('?loglevel=DEBUG');
    const json = open('?logjson');
    await followers(2);
    await waitUntil(
      'both have begun',
      10_000,
      () => text.answer() !== undefined && json.answer() !== undefined,
    );
    expect([...log.levels].sort()).toEqual(['debug', 'info']);
    log.say({ component: 'swim', msg: 'member suspected', node: 'bob', by: 'a b', count: 3 });
    log.say({ level: 'warn', msg: 'second' });
    await waitUntil('the second line is there', 10_000, () => text.text().includes('second'));
    expect(text.text()).toBe(
      '2026-01-02T03:04:05.006Z [INFO] swim: member suspected node=bob by="a b" count=3\n' +
        '2026-01-02T03:04:05.006Z [WARN] second\n',
    );
    await waitUntil('the second object is there', 10_000, () => json.text().includes('second'));
    expect(
      json
        .text()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).msg),
    ).toEqual(['member suspected', 'second']);
    expect(text.answer()?.headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  test('an unknown level is 400, and without a log there is nothing to follow', async () => {
    const { server, log } = await monitored();
    const wrong = await send(server, '/v1/agent/monitor?loglevel=loud');
    expect([wrong.status, wrong.body]).toEqual([
      400,
      'Unknown log level: loud: use trace, debug, info, warn, error',
    ]);
    expect(log.takers.size).toBe(0);
    expect((await send(await serve(new FakeAgent(member('ann'))), '/v1/agent/monitor')).status).toBe(501);
  });

  test('a client that disconnects frees its place; the seventeenth gets 429', async () => {
    const { server, open, followers } = await monitored();
    const all = Array.from({ length: 16 }, () => open());
    await followers(16);
    const late = await send(server, '/v1/agent/monitor');
    expect([late.status, late.headers['retry-after']]).toEqual([429, '1']);
    all[0]?.call.destroy();
    await followers(15);
    open();
    await followers(16);
  });

  test('a client that does not read loses lines, gets their number in their place, and costs no more than its share', async () => {
    const { log, open, followers } = await monitored();
    const slow = open('?slow');
    await followers(1);
    const filler = 'x'.repeat(1000);
    // Kernel buffers take some megabytes; then lines are buffered here, and then they are lost.
    const total = 40_000;
    for (let n = 0; n < total; n++) {
      log.say({ msg: `line ${n} ${filler}` });
      if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await waitUntil('it has begun', 10_000, () => slow.answer() !== undefined);
    let text = '';
    slow.answer()?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await waitUntil('it has caught up', 20_000, () => text.includes('lines were lost here') || undefined);
    log.say({ msg: 'the end' });
    await waitUntil('it hears what comes now', 20_000, () => text.includes('the end') || undefined);
    const lost = [...text.matchAll(/\[WARN\] (\d+) lines were lost here/g)].map(([, count]) => Number(count));
    const told = [...text.matchAll(/line \d+ x/g)].length;
    expect(told + lost.reduce((a, b) => a + b, 0)).toBe(total);
    expect(told).toBeLessThan(total / 2);
  });

  test('a server that closes releases them', async () => {
    const { server, log, open, followers } = await monitored();
    const follower = open();
    await followers(1);
    let ended = false;
    await waitUntil('it has begun', 10_000, () => follower.answer() !== undefined);
    follower.answer()?.on('end', () => {
      ended = true;
    });
    await server.close();
    await waitUntil('it has ended', 10_000, () => ended);
    expect(log.takers.size).toBe(0);
  });
});
