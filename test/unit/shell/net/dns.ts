/** A DNS server on loopback that gives the answers of a test, for the resolver of this host to be asked. */
import { createSocket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { type Answer, decode, encode } from 'dns-packet';
import { onTestFinished } from 'vitest';

/** `answers` by `TYPE name`. What is not there does not exist. Returns a resolver that asks this server only. */
export async function startDnsServer(
  ip: string,
  answers: Readonly<Record<string, readonly Answer[]>>,
): Promise<dns.Resolver> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    const { id, questions } = decode(bytes);
    const [question] = questions ?? [];
    const found = answers[`${question?.type} ${question?.name}`];
    const flags = 0x180 | (found === undefined ? 3 : 0); // recursion is available; NXDOMAIN
    const answer = encode({ type: 'response', id, flags, questions, answers: [...(found ?? [])] });
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, ip, resolve));
  onTestFinished(() => void socket.close());
  const resolver = new dns.Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`${ip}:${socket.address().port}`]);
  return resolver;
}
