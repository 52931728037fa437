import { describe, expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

test('rtt: the estimate between two members', async () => {
  const agent = await startFakeAgent({ 'GET /v1/hearsay/rtt': { a: 'bob', b: 'ann', ms: 1.25 } });

  const ran = await hearsay(['rtt', 'bob', '--http-addr', agent.url]);

  expect(ran.out).toBe('bob to ann: 1.250 ms (estimated)\n');
  expect(agent.requests[0]?.url).toBe('/v1/hearsay/rtt?a=bob');
});

describe('monitor', () => {
  const LINES = [
    '{"level":"info","time":"T","component":"swim","msg":"one"}',
    '{"level":"warn","msg":"\\u001b[31mtwo"}',
  ];

  test('writes the log lines of a level, sanitized, until the agent closes the connection', async () => {
    const body = 'T [INFO] swim: one\nT [WARN] \u001b[31mtwo\n';
    const agent = await startFakeAgent({ 'GET /v1/agent/monitor': { status: 200, body } });
    const ran = await hearsay(['monitor', '--level', 'debug', '--http-addr', agent.url]);
    expect(agent.requests[0]?.url).toBe('/v1/agent/monitor?loglevel=debug&recent=512');
    expect(ran.out).toBe('T [INFO] swim: one\nT [WARN] [31mtwo\n');
    expect([ran.code, ran.err]).toEqual([
      3,
      `hearsay: the agent at ${agent.url} closed the connection: check that it is still running\n`,
    ]);
  });

  test('--json writes an object on each line', async () => {
    const agent = await startFakeAgent({
      'GET /v1/agent/monitor': { status: 200, body: `${LINES.join('\n')}\n` },
    });
    const ran = await hearsay(['monitor', '--json', '--recent', '0', '--http-addr', agent.url]);
    expect(agent.requests[0]?.url).toBe('/v1/agent/monitor?loglevel=info&recent=0&logjson');
    expect(ran.out).toBe(`${LINES.join('\n')}\n`);
  });

  test('a refusal, an invalid level and --level with --events are errors', async () => {
    const agent = await startFakeAgent({ 'GET /v1/agent/monitor': { status: 429, body: 'Too many' } });
    const refused = await hearsay(['monitor', '--http-addr', agent.url]);
    expect([refused.code, refused.err]).toEqual([1, 'hearsay: Too many\n']);
    const wrong = await hearsay(['monitor', '--level', 'loud']);
    expect([wrong.code, wrong.err]).toEqual([
      2,
      'hearsay: --level: must be one of trace, debug, info, warn, error\n',
    ]);
    expect((await hearsay(['monitor', '--level', 'info', '--events'])).code).toBe(2);
    const many = await hearsay(['monitor', '--recent', '513']);
    expect([many.code, many.err]).toEqual([2, 'hearsay: --recent: must be a whole number from 0 to 512\n']);
  });
});
