import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { hearsay } from '../helper.ts';
import { ready } from '../started-agent.ts';

describe('with --log-format json all that the agent prints is JSON', () => {
  const parsed = (text: string): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test('the first lines, warnings, and what it says when it ends', async () => {
    const words = ['--log-format', 'json', '--node', 'a', '--bind', '10.0.0.7', '--dns', 'off'];
    const { out, err, send, ended } = await ready(words);
    expect(parsed(out())).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        component: 'agent',
        node: 'a',
        gossip: '10.0.0.7:7946',
        encrypted: false,
        http: 'http://127.0.0.1:8500',
        dns: 'off',
        dataDir: null,
        join: 'hearsay agent --join 10.0.0.7:7946',
        msg: expect.stringMatching(/^hearsay \d+\.\d+\.\d+: a \(dc1\) is ready$/),
      },
    ]);
    send('SIGTERM');
    expect(await ended).toBe(0);
    expect(parsed(err()).map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', expect.stringContaining('gossip on 10.0.0.7:7946 is not encrypted')],
      ['info', 'leaving the cluster; repeat the signal to stop at once'],
    ]);
  });

  test('errors of the start, also before the configuration is read', async () => {
    const failed = await hearsay(['agent', '--log-format', 'json'], {
      start: () => Promise.reject(new AgentError('config', 'TCP 127.0.0.1:7946 is in use')),
    });
    expect([failed.code, parsed(failed.err)]).toMatchObject([
      78,
      [{ level: 'error', component: 'agent', msg: 'TCP 127.0.0.1:7946 is in use' }],
    ]);
    const unread = await hearsay(['agent', '--config', '/nowhere'], { env: { HEARSAY_LOG_FORMAT: 'json' } });
    expect(parsed(unread.err)).toMatchObject([
      { level: 'error', msg: '/nowhere: no such file or directory' },
    ]);
  });

  test('and plain where it is only the default', async () => {
    const failed = await hearsay(['agent', '--config', '/nowhere']);
    expect(failed.err).toBe('hearsay: /nowhere: no such file or directory\n');
  });
});
