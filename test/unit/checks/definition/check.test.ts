import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { parseCheck } from '../../../../src/checks/definition/definition.ts';

/** The message of the error that `parse` throws. */
function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof AgentError && error.code === 'badRequest') return error.message;
    throw error;
  }
  throw new Error('it was taken');
}
const check = (value: object): string => refusal(() => parseCheck({ Name: 'c', ...value }));
const probe = (value: object) => parseCheck({ Name: 'c', Interval: '10s', ...value }).probe;

describe('checks', () => {
  test('of several kinds the first in the order counts', () => {
    const all = {
      GRPC: 'a:1',
      HTTP: 'http://a/',
      TCP: 'a:2',
      UDP: 'a:3',
      AliasService: 'x',
      DockerContainerID: 'd',
      Args: ['/bin/true'],
      H2PING: 'a:4',
      OSService: 'o',
    };
    const kinds: string[] = [];
    const left: Record<string, unknown> = { ...all };
    for (const key of Object.keys(all)) {
      if (key !== 'DockerContainerID' && key !== 'OSService') kinds.push(probe(left).kind);
      delete left[key];
    }
    expect(kinds).toEqual(['grpc', 'http', 'tcp', 'udp', 'alias', 'exec', 'h2ping']);
    expect(parseCheck({ Name: 'c', TTL: '5s', TCP: 'a:1' }).probe.kind).toBe('ttl');
  });

  test('defaults', () => {
    expect(parseCheck({ Name: 'c', HTTP: 'http://127.0.0.1:80/x', Interval: '10s' })).toEqual({
      id: 'c',
      name: 'c',
      notes: '',
      serviceId: '',
      probe: {
        kind: 'http',
        url: 'http://127.0.0.1:80/x',
        method: 'GET',
        headers: new Map(),
        body: '',
        tlsServerName: '',
        tlsSkipVerify: false,
        followRedirects: true,
      },
      interval: 10_000,
      timeout: 10_000,
      initial: 'critical',
      successBeforePassing: 1,
      failuresBeforeWarning: 1,
      failuresBeforeCritical: 1,
      deregisterCriticalAfter: 0,
      outputMaxBytes: 4096,
    });
    expect(parseCheck({ Name: 'c', Args: ['/bin/true'], Interval: '10s' }).timeout).toBe(30_000);
    expect(probe({ H2PING: 'a:1' })).toMatchObject({ tls: true });
    expect(probe({ TCP: ':80' })).toMatchObject({ target: 'localhost:80' });
    expect(probe({ GRPC: 'a:1/pkg.Service' })).toMatchObject({ target: 'a:1', service: 'pkg.Service' });
  });

  test('values out of bounds are clamped: interval, time to deregister, size of output', () => {
    const raised = parseCheck({
      Name: 'c',
      TCP: 'a:1',
      Interval: '10ms',
      DeregisterCriticalServiceAfter: '5s',
      OutputMaxSize: 100_000,
    });
    expect(raised).toMatchObject({ interval: 1000, deregisterCriticalAfter: 60_000, outputMaxBytes: 4096 });
    expect(parseCheck({ Name: 'c', TTL: '1s', OutputMaxSize: 10 }).outputMaxBytes).toBe(10);
  });

  test('thresholds: warning follows critical unless it is given', () => {
    const thresholds = (value: object) => parseCheck({ Name: 'c', TTL: '1s', ...value });
    expect(thresholds({ FailuresBeforeCritical: 3 })).toMatchObject({ failuresBeforeWarning: 3 });
    expect(thresholds({ FailuresBeforeCritical: 3, FailuresBeforeWarning: 2 })).toMatchObject({
      failuresBeforeWarning: 2,
    });
    expect(check({ TTL: '1s', FailuresBeforeCritical: 3, FailuresBeforeWarning: 4 })).toBe(
      "Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
    );
  });

  test.each([
    ['interval with TTL', { TTL: '1s', Interval: '1s' }, 'Interval and TTL cannot both be specified'],
    ['HTTP with both', { HTTP: 'http://a/', TTL: '1s', Interval: '1s' }, 'Interval and TTL cannot both'],
    ['no interval', { HTTP: 'http://a/' }, 'Interval must be > 0'],
    ['a negative interval', { HTTP: 'http://a/', Interval: '-1s' }, 'Interval must be > 0'],
    ['nothing to do', {}, 'TTL must be > 0 for TTL checks'],
    ['a negative TTL', { TTL: '-1s' }, 'TTL must be > 0 for TTL checks'],
    ['another scheme', { HTTP: 'file:///etc/passwd', Interval: '1s' }, 'must be a URL with http: or https:'],
    ['a unix socket', { HTTP: 'unix:///run/x.sock', Interval: '1s' }, 'must be a URL with http: or https:'],
    ['a line break in the URL', { HTTP: 'http://a/\r\nX: y', Interval: '1s' }, 'must be a URL'],
    ['CONNECT', { HTTP: 'http://a/', Method: 'CONNECT', Interval: '1s' }, 'cannot be used'],
    [
      'a broken header',
      { HTTP: 'http://a/', Header: { X: ['a\r\nY: b'] }, Interval: '1s' },
      'cannot be sent',
    ],
    [
      'a broken header name',
      { HTTP: 'http://a/', Header: { 'X:': ['a'] }, Interval: '1s' },
      'not a valid header name',
    ],
    ['a line break in a target', { TCP: 'a:1\n', Interval: '1s' }, 'must be host:port'],
    ['a URL as target', { TCP: 'http://a:1', Interval: '1s' }, 'must be host:port'],
    ['another node', { AliasNode: 'other' }, 'AliasNode "other"'],
    ['docker', { DockerContainerID: 'd', Args: ['/x'], Interval: '1s' }, 'docker checks are not supported'],
    ['os_service', { OSService: 'nginx', Interval: '1s' }, 'OSService checks are not supported'],
    ['no program', { Args: ['', 'x'], Interval: '1s' }, 'Args must begin with a program'],
    [
      'a zero in an argument',
      { Args: ['a', 'b\0c'], Interval: '1s' },
      'Args must not contain null characters',
    ],
    ['negative output', { TTL: '1s', OutputMaxSize: -1 }, 'OutputMaxSize must not be negative'],
    ['the node itself', { CheckID: 'serfHealth', TTL: '1s' }, 'reserved for the agent'],
    ['maintenance', { CheckID: '_service_maintenance:web', TTL: '1s' }, 'reserved for the agent'],
  ])('C6: %s: 400 with the reason', (_, value, sentence) => {
    const message = check(value);
    expect(message).toMatch(/^Invalid check: /);
    expect(message).toContain(sentence);
  });

  test('C6: a check without a name, or with an unknown status', () => {
    expect(refusal(() => parseCheck({ TTL: '1s' }))).toBe('Missing check name');
    expect(check({ TTL: '1s', Status: 'fine' })).toContain('Bad check status');
    expect(parseCheck({ Name: 'c', TTL: '1s', Status: 'passing' }).initial).toBe('passing');
  });

  test('an alias of the own node is understood', () => {
    expect(parseCheck({ Name: 'c', AliasNode: 'ANN' }, { node: 'ann' }).probe).toEqual({
      kind: 'alias',
      serviceId: '',
    });
  });
});
