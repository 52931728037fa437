/** Runs one check against real servers on this host's loopback. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { isScheduled } from '../../../../src/checks/definition/check.ts';
import { parseCheck } from '../../../../src/checks/definition/definition.ts';
import type { CheckOutcome, CheckRun } from '../../../../src/checks/types.ts';
import { createRunners, type RunnersOptions } from '../../../../src/shell/runners/index.ts';

/** As registered; a timeout of 5 s leaves room for a slow machine. */
export function order(value: object, generation = 1): CheckRun {
  const check = parseCheck({ Name: 'c', Interval: '10s', Timeout: '5s', ...value });
  const { id, probe, timeout, outputMaxBytes } = check;
  if (!isScheduled(probe)) throw new Error('this kind has no runner');
  return { check: id, generation, probe, timeout, outputMaxBytes };
}

/** One run of this check, with runners of its own. */
export function outcomeOf(
  value: object,
  options: Partial<Omit<RunnersOptions, 'onOutcome'>> = {},
): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    const runners = createRunners({ allowExec: false, ...options, onOutcome: resolve });
    onTestFinished(() => runners.close());
    runners.run(order(value));
  });
}

/** Listens on loopback until the test is over; gives the port. */
export async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  const open = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A key and a self-signed certificate for `name`, or why there is none. */
export function selfSigned(name: string): { key: Buffer; cert: Buffer } | string {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-tls-'));
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  try {
    const made = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -batch';
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    execFileSync('openssl', [...made.split(' '), ...subject, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch (error) {
    return `openssl made no certificate: ${String(error)}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
