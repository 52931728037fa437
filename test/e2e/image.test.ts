/** The container image: built by podman from scratch, and run by it where a container can be run. */
import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { buildImage } from '../../contrib/release/image.ts';
import { VERSION } from '../../src/base/version.ts';
import { findRunOptions, podman } from '../support/podman.ts';
import { isInstalled } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const IMAGE = `localhost/hearsay-test-${process.pid}`;
const NAME = `hearsay-test-${process.pid}`;
const IP = '127.38.4.1';
const HTTP = `http://${IP}:8500`;
const AGENT = [
  'agent',
  '--data-dir',
  '/var/lib/hearsay',
  '--bind',
  IP,
  '--http',
  `${IP}:8500`,
  '--dns',
  `${IP}:8600`,
];

describe.skipIf(!isInstalled('podman'))('the image (skipped without podman)', () => {
  let way: Awaited<ReturnType<typeof findRunOptions>> = { reason: 'it is not built' };
  beforeAll(async () => {
    await buildImage(IMAGE);
    way = await findRunOptions(IMAGE, 'version');
  });
  afterAll(async () => {
    await podman('rm', '--force', '--volumes', NAME);
    await podman('rmi', '--force', IMAGE, `${IMAGE}:${VERSION}`);
  });
  const optionsOr = ({ skip }: TestContext): readonly string[] =>
    'reason' in way ? skip(way.reason) : way.options;

  test('has a health check, and a user that is not root', async () => {
    const { stdout } = await podman('inspect', IMAGE);
    const [image] = JSON.parse(stdout);
    expect(image).toMatchObject({
      User: '10001:10001',
      Config: { Entrypoint: ['/usr/bin/hearsay'] },
      Healthcheck: { Test: ['CMD', '/usr/bin/hearsay', 'info'] },
    });
  });

  test('runs an agent that is healthy, and whose service is found by DNS', async (context) => {
    const options = optionsOr(context);
    const env = ['--env', `HEARSAY_HTTP_ADDR=${HTTP}`];
    expect(
      await podman('run', '--detach', '--name', NAME, ...options, ...env, IMAGE, ...AGENT),
    ).toMatchObject({
      code: 0,
    });
    await waitUntil(
      'it is healthy',
      20_000,
      async () => (await podman('healthcheck', 'run', NAME)).code === 0,
    );
    const body = JSON.stringify({ Name: 'web', Port: 8080 });
    const registered = await fetch(`${HTTP}/v1/agent/service/register`, { method: 'PUT', body });
    expect(registered.status).toBe(200);
    const resolver = new Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([`${IP}:8600`]);
    await waitUntil('its service is found', 10_000, async () => {
      const [record] = await resolver.resolveSrv('_web._tcp.service.consul').catch(() => []);
      return record?.port === 8080;
    });
    const { stdout, stderr } = await podman('logs', NAME);
    expect(`${stdout}${stderr}`).not.toContain('"level":"warn"');
    await podman('stop', '--time', '10', NAME);
    expect((await podman('inspect', '--format', '{{.State.ExitCode}}', NAME)).stdout.trim()).toBe('0');
  });

  test('looks up host names as programs of the host do', async (context) => {
    const options = optionsOr(context);
    const result = await podman(
      'run',
      '--rm',
      ...options,
      IMAGE,
      'info',
      '--http-addr',
      'http://localhost:1',
    );
    expect(result.stderr).toMatch(/no agent|refused/i); // the name was found
  });

  test('the example of compose uses settings that exist', () => {
    const text = readFileSync('contrib/container/compose.yaml', 'utf8');
    const variables = [...text.matchAll(/^ +(HEARSAY_\w+):/gm)].map(([, name = '']) => name);
    const config = readFileSync('docs/config.md', 'utf8');
    expect(variables.length).toBeGreaterThan(2);
    expect(variables.filter((name) => !config.includes(`\`${name}\``))).toEqual([]);
  });
});
