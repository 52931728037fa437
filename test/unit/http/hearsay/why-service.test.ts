import { describe, expect, test } from 'vitest';
import { check, instance, service } from '../data.ts';
import { FakeAgent, member, send, serve } from '../fixture.ts';

interface Report {
  readonly node: string;
  readonly status: string;
  readonly answers: { usable: boolean; passing: boolean; query: boolean };
  readonly summary: string;
  readonly reasons: readonly { kind: string; excludes: boolean; source: string; sinceMs: number | null }[];
}
interface Why {
  readonly summary: string;
  readonly instances: readonly Report[];
  readonly membersWithoutServices: readonly { node: string; message: string }[];
}

const hearsay = new Map([['hearsay', '1']]);

/** The clock of the fixture stands at 5,000. */
async function world() {
  const agent = new FakeAgent(
    member('ann', { tags: new Map([...hearsay, ['rack', 'r1']]) }),
    member('bob', { status: 'failed', since: 2000, tags: hearsay }),
    member('cat', { tags: hearsay }),
    member('dan', { status: 'suspect', since: 4000, tags: hearsay }),
    member('eve', { tags: hearsay }),
    member('fay'),
  );
  const web = (node: string, more = {}) => service('web', { id: `web-${node}`, tags: ['v1'], ...more });
  const own = (node: string, id: string, more = {}) => check(id, { serviceId: `web-${node}`, ...more });
  agent.catalog.held = [
    instance('ann', web('ann')),
    instance('bob', web('bob'), { up: false, status: 'critical' }),
    instance('cat', web('cat', { tags: [] }), {
      checks: [own('cat', 'beat', { name: 'beat', status: 'critical', output: 'no heart\nat all' })],
      nodeChecks: [
        check('_node_maintenance', { type: 'maintenance', status: 'critical', notes: 'new disk' }),
      ],
      status: 'maintenance',
    }),
    instance('dan', web('dan', { draining: true }), {
      checks: [own('dan', 'slow', { status: 'warning' })],
      status: 'draining',
    }),
  ];
  agent.catalog.seen.set('cat c:beat', 1000).set('dan s:web-dan', 4500);
  const server = await serve(agent);
  const why = async (query = ''): Promise<Why> =>
    (await send(server, `/v1/hearsay/why?service=WEB${query}`)).json() as Why;
  const of = async (node: string, query = ''): Promise<Report> =>
    (await why(query)).instances.find((one) => one.node === node) as Report;
  return { server, why, of };
}

describe('GET /v1/hearsay/why', () => {
  test('a healthy instance is in all results, without a reason against it', async () => {
    const { why, of } = await world();
    expect((await why()).summary).toBe('1 of 4 in results');
    expect(await of('ann')).toMatchObject({
      answers: { usable: true, passing: true, query: true },
      summary: 'in results: it has no checks, and its node is alive',
      reasons: [],
    });
  });

  test.each([
    [
      'its container web-1 on fay was killed for memory (137)',
      'its container web-1 on fay was killed for memory 3 s ago (137)',
    ],
    ['its container web-1 on fay is paused', 'its container web-1 on fay is paused'],
    [
      'the HEALTHCHECK of container web-1 on fay fails: no\nlines',
      'the HEALTHCHECK of container web-1 on fay fails: no',
    ],
  ])('of a container it says how it is, and when it ended: %s', async (output, message) => {
    const agent = new FakeAgent(member('fay', { tags: hearsay }));
    const serviceId = 'container:c0ffee:web';
    const state = check(`${serviceId}:state`, { serviceId, type: 'ttl', status: 'critical', output });
    agent.catalog.held = [
      instance('fay', service('web', { id: serviceId }), { checks: [state], status: 'critical' }),
    ];
    agent.catalog.seen.set(`fay c:${state.id}`, 2000);
    const server = await serve(agent);
    const { instances } = (await send(server, '/v1/hearsay/why?service=web')).json() as Why;
    expect(instances[0]).toMatchObject({
      summary: `out of results: ${message}`,
      reasons: [{ kind: 'container', message, source: 'fay', sinceMs: 3000 }],
    });
  });

  test('a failed node: this agent is the source, since the node failed', async () => {
    const { of } = await world();
    expect(await of('bob')).toMatchObject({
      answers: { usable: false, passing: false, query: true },
      summary: 'out of results: its node bob has failed',
      reasons: [{ kind: 'node', source: 'ann', sinceMs: 3000 }],
    });
  });

  test('a check and maintenance: the node is the source, since this agent saw it', async () => {
    const { of } = await world();
    const report = await of('cat');
    expect(report.summary).toBe(
      'out of results: its check beat is critical (no heart); its node is in maintenance (new disk)',
    );
    expect(report.reasons).toMatchObject([
      { kind: 'check', source: 'cat', sinceMs: 4000 },
      { kind: 'maintenance', source: 'cat', sinceMs: null },
    ]);
  });

  test('draining, suspected, in warning: only the first excludes it', async () => {
    const { of } = await world();
    expect((await of('dan')).reasons).toMatchObject([
      { kind: 'node', excludes: false, sinceMs: 1000 },
      { kind: 'check', excludes: false },
      { kind: 'draining', excludes: true, sinceMs: 500 },
    ]);
  });

  test('what the query itself excludes', async () => {
    const { of } = await world();
    const excluded = async (node: string, query: string) => {
      const { answers, reasons } = await of(node, query);
      return [answers.query, reasons.filter(({ source }) => source === 'query').map(({ kind }) => kind)];
    };
    expect(await excluded('cat', '&tag=v1')).toEqual([false, ['tag']]);
    expect(await excluded('ann', '&tag=v1&node-meta=rack:r1')).toEqual([true, []]);
    expect(await excluded('bob', '&node-meta=rack:r1&passing')).toEqual([false, ['meta', 'passing']]);
    expect(await excluded('ann', '&filter=Service.Port==81')).toEqual([false, ['filter']]);
  });

  test('no such instance: the members of which this agent knows no service', async () => {
    const { why } = await world();
    const one = await why('&id=web-zoe');
    expect([one.summary, one.instances]).toEqual([
      'not seen: "WEB" has 4 instances here, and none has the id "web-zoe"',
      [],
    ]);
    expect(one.membersWithoutServices.map(({ node, message }) => [node, message.slice(0, 21)])).toEqual([
      ['eve', 'it has published noth'],
      ['fay', 'it does not take part'],
    ]);
    expect((await why('&id=web-ann')).instances).toHaveLength(1);
  });

  test('a service name is required', async () => {
    const { server } = await world();
    expect(await send(server, '/v1/hearsay/why')).toMatchObject({
      status: 400,
      body: 'Missing service name',
    });
  });
});
