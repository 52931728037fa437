/**
 * The UDP check: sends a datagram. A refusal (ICMP port unreachable) is critical, a response or silence passes. Silence
 * proves little, but few servers answer an unknown client.
 *
 * Source: Consul agent/checks/check.go, CheckUDP.
 */
import { createSocket } from 'node:dgram';
import { resolveTarget } from './dial.ts';
import { type CheckResult, passing, type RunContext, type Runner, withErrorPrefix } from './runner.ts';

/** How long to wait for a refusal, which comes within a round trip. */
const MAX_SILENCE_MS = 1000;

export const runUdp: Runner<'udp'> = ({ target }, run) =>
  withErrorPrefix(`UDP connect ${target}`, () => probeDatagram(target, run));

async function probeDatagram(target: string, run: RunContext): Promise<CheckResult> {
  const { addresses, port } = await resolveTarget(target, run);
  const address = addresses[0] as string;
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const silence = Math.min(MAX_SILENCE_MS, run.timeout / 2);
  try {
    return await new Promise<CheckResult>((resolve, reject) => {
      const pass = (output: string): void => resolve(passing(`UDP connect ${target}: ${output}`));
      const timer = setTimeout(() => pass('no refusal'), silence).unref();
      socket.on('error', reject);
      socket.on('close', () => clearTimeout(timer));
      socket.on('message', () => pass('answered'));
      socket.connect(port, address, () => socket.send('hearsay\n'));
      run.signal.addEventListener('abort', () => reject(run.signal.reason), { once: true });
    });
  } finally {
    socket.close();
  }
}
