import { describe, expect, test } from 'vitest';
import { FakeAgent, member, put, serve } from '../fixture.ts';

const register = '/v1/agent/service/register';

describe('X-Hearsay-Warning of a registration', () => {
  const warningOf = async (path: string, body: object): Promise<unknown> => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent, {
      explainDenial: (probe) => (probe.kind === 'tcp' && probe.target.startsWith('10.') ? 'far' : undefined),
    });
    const answer = await put(server, path, body);
    expect([answer.status, agent.commands.length]).toEqual([200, 1]);
    return answer.headers['x-hearsay-warning'];
  };
  const tcp = (more: object): object => ({ CheckID: 'sécret', Name: 'c', TCP: '127.0.0.1:1', ...more });

  test.each<[what: string, check: object, warning: string | undefined]>([
    ['a check as it is meant', tcp({ Interval: '5s', Timeout: '1s' }), undefined],
    ['a short interval', tcp({ Interval: '1ms' }), 'Interval of a check is raised to 1s'],
    [
      'an interval without a unit',
      tcp({ Interval: 5 }),
      'Interval of a check is raised to 1s: a number is nanoseconds, so write a unit, such as 10s',
    ],
    [
      'several',
      tcp({ Interval: '5s', DeregisterCriticalServiceAfter: '5s', OutputMaxSize: 9999 }),
      'DeregisterCriticalServiceAfter of a check is raised to 1m; OutputMaxSize of a check is reduced to 4096',
    ],
    [
      'an address that checks may not connect to',
      tcp({ TCP: '10.9.9.9:1', Interval: '5s' }),
      'a check of this request will be critical: its target is no address of this host, and --check-allow of the agent does not name its network',
    ],
  ])(
    '%s: what is accepted but not used as it is, without a word of the request (S17)',
    async (_, check, warning) => {
      expect(await warningOf('/v1/agent/check/register', check)).toBe(warning);
      expect(await warningOf(register, { Name: 'web', Check: check })).toBe(warning);
    },
  );

  test('J8 fields that are not kept, of the service and of its check', async () => {
    const Check = { ...tcp({ Interval: '5s', Method: 'PUT' }) };
    expect(await warningOf(register, { Name: 'web', Token: 'sécret', Check, Proxy: { Mode: 'x' } })).toBe(
      'method of a check is not kept: it has no use in a check of this kind, which is tcp; ' +
        'Token of a service is not kept: there are no ACLs; Proxy of a service is not kept: there is no service mesh',
    );
  });

  test('two checks with one ID', async () => {
    const Checks = [1, 2].map(() => ({ CheckID: 'x', TTL: '5s' }));
    expect(await warningOf(register, { Name: 'web', Checks })).toBe(
      'of several checks with one CheckID only the last is registered',
    );
  });
});
