/** A check that connects and hangs up. Source: Consul agent/checks/check.go, CheckTCP. */
import { dial, placeOf } from './dial.ts';
import { passing, type Runner, trying } from './runner.ts';

export const runTcp: Runner<'tcp'> = ({ target, tls, tlsServerName, tlsSkipVerify }, run) =>
  trying(`TCP connect ${target}`, async () => {
    const secure = tls ? { serverName: tlsServerName, skipVerify: tlsSkipVerify } : undefined;
    const socket = await dial(await placeOf(target, run), secure, run);
    socket.destroy();
    return passing(`TCP connect ${target}: Success`);
  });
