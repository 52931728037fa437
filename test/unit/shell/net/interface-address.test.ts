import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { parseAddress } from '../../../../src/base/address.ts';
import { resolveConfig } from '../../../../src/config/resolve.ts';
import { startAgent } from '../../../../src/main.ts';
import type { NetworkInterfaces } from '../../../../src/shell/net/advertise.ts';
import { interfaceAddress } from '../../../../src/shell/net/interface-address.ts';

const infos = (...addresses: string[]) => addresses.map((address) => ({ address }) as NetworkInterfaceInfo);
const HOST: NetworkInterfaces = {
  lo: infos('127.0.0.1', '::1'),
  eth0: infos('fe80::1', 'fd00::5', '10.0.0.7', '10.0.0.8'),
  eth1: infos('fe80::2', 'fd00::6'),
  eth2: infos('fe80::3', '169.254.1.1'),
};
const bind = (text: string) => {
  const address = parseAddress(text, 7946);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
};

test.each([
  ['its first IPv4 address, on the port of bind', 'eth0', '0.0.0.0:80', '10.0.0.7:80'],
  ['its first IPv6 address, where bind is one', 'eth0', '[::]:80', '[fd00::5]:80'],
  ['what it has, if that is IPv6', 'eth1', '0.0.0.0', '[fd00::6]:7946'],
  ['loopback', 'lo', '0.0.0.0', '127.0.0.1:7946'],
  ['the address that bind says, if the interface has it', 'eth0', '10.0.0.8:80', '10.0.0.8:80'],
])('%s', (_, name, from, to) => {
  expect(interfaceAddress(name, bind(from), HOST).key).toBe(to);
});

test.each([
  ['an unknown interface', 'eth9', '0.0.0.0', /no network interface "eth9".* it has lo, eth0, eth1, eth2$/],
  ['an address of another', 'lo', '10.0.0.7', /"lo" does not have the address 10\.0\.0\.7 of bind: remove/],
  ['link-local addresses alone', 'eth2', '0.0.0.0', /"eth2" has only link-local addresses: give another/],
])('%s is refused', (_, name, from, sentence) => {
  expect(() => interfaceAddress(name, bind(from), HOST)).toThrow(sentence);
});

const configured = (flags: Record<string, unknown>) =>
  resolveConfig({
    flags: { http: 'off', dns: 'off', bind: '0.0.0.0:0', logLevel: 'error', ...flags },
    ...{ env: {}, files: [], hostname: 'host', terminal: false },
  });

test('an agent binds to the interface that it is told', async () => {
  const [loopback = ''] =
    Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.internal)) ?? [];
  const { config, warnings } = configured({ interface: loopback });
  expect(warnings.join()).not.toMatch(/not encrypted/);
  const running = await startAgent(config);
  onTestFinished(() => running.stop());
  expect(running.address).toMatch(/^127\.0\.0\.1:\d+$/);
});

test('one that it does not have ends the start, as a wrong setting', async () => {
  const { config, warnings } = configured({ interface: 'none0' });
  expect(warnings.join()).toMatch(/gossip on none0 is not encrypted/);
  await expect(startAgent(config)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringMatching(/^interface: .*"none0"/),
  });
});
