/** `/v1/agent/metrics`: the same metrics in both formats. Source: Consul HTTP API, "View Metrics"; S17. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Meter } from '../../../../../src/base/meter.ts';
import { FakeAgent, INFO, member, SEED, send, serve } from '../../fixture.ts';

const agent = () => new FakeAgent(member('ann'));

function metered(): Meter {
  const meter = new Meter();
  meter.counter('hearsay_packets_sent_total', 'Packets sent.').add([], 180);
  meter.gauge('hearsay_members', 'Members known, by status.', () => [['alive', 3]], 'status');
  const spans = meter.histogram('hearsay_span_seconds', 'Spans.', [0.1, 1], 'what');
  spans.observe(['a "b"\\c\nd'], 0.05);
  spans.observe(['a "b"\\c\nd'], 2);
  return meter;
}

describe('GET /v1/agent/metrics', () => {
  test('Prometheus requests its text by Accept, users by format=prometheus', async () => {
    const server = await serve(agent(), { meter: metered() });
    const accept = { accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' };
    for (const answer of [
      await send(server, '/v1/agent/metrics', { headers: accept }),
      await send(server, '/v1/agent/metrics?format=prometheus'),
    ]) {
      expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(answer.body).toContain(`# HELP hearsay_packets_sent_total Packets sent.
# TYPE hearsay_packets_sent_total counter
hearsay_packets_sent_total 180
# HELP hearsay_members Members known, by status.
# TYPE hearsay_members gauge
hearsay_members{status="alive"} 3
# HELP hearsay_span_seconds Spans.
# TYPE hearsay_span_seconds histogram
hearsay_span_seconds_bucket{what="a \\"b\\"\\\\c\\nd",le="0.1"} 1
hearsay_span_seconds_bucket{what="a \\"b\\"\\\\c\\nd",le="1"} 1
hearsay_span_seconds_bucket{what="a \\"b\\"\\\\c\\nd",le="+Inf"} 2
hearsay_span_seconds_sum{what="a \\"b\\"\\\\c\\nd"} 2.05
hearsay_span_seconds_count{what="a \\"b\\"\\\\c\\nd"} 2
`);
    }
  });

  test('other clients get the JSON of Consul, which Telegraf reads', async () => {
    const server = await serve(agent(), { meter: metered(), info: { ...INFO, startedAt: SEED - 90_000 } });
    expect((await send(server, '/v1/agent/metrics')).json()).toMatchObject({
      Timestamp: '2023-11-14 22:13:20 +0000 UTC',
      Gauges: expect.arrayContaining([{ Name: 'hearsay_members', Value: 3, Labels: { status: 'alive' } }]),
      Points: [],
      Counters: [{ Name: 'hearsay_packets_sent_total', Count: 180, Sum: 180, Rate: 2, Labels: {} }],
      Samples: [{ Name: 'hearsay_span_seconds', Count: 2, Sum: 2.05, Min: 0.05, Max: 2, Mean: 1.025 }],
    });
  });

  test('requests are counted by the route as declared, never by text of a client', async () => {
    const server = await serve(agent());
    await send(server, '/v1/health/node/ann');
    await send(server, '/v1/health/node/bob');
    await send(server, '/v1/made/up');
    await send(server, '/v1/status/leader', { method: 'BREW' }).catch(() => undefined);
    await send(server, '/v1/status/leader', { headers: { host: 'evil.example' } });
    const { body } = await send(server, '/v1/agent/metrics?format=prometheus');
    const lines = body.split('\n').filter((line) => line.startsWith('hearsay_http_requests_total'));
    expect(lines).toEqual([
      'hearsay_http_requests_total{method="GET",route="/v1/health/node/:node...",status="200"} 2',
      'hearsay_http_requests_total{method="GET",route="none",status="404"} 1',
      'hearsay_http_requests_total{method="GET",route="none",status="403"} 1',
    ]);
  });

  test.runIf(hasPromtool())('promtool finds no problem', async () => {
    const { body } = await send(
      await serve(agent(), { meter: metered() }),
      '/v1/agent/metrics?format=prometheus',
    );
    expect(execFileSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' })).toBe('');
  });
});

function hasPromtool(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
