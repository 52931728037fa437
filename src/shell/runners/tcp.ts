/** The TCP check: connects and closes. Source: Consul agent/checks/check.go, CheckTCP. */
import { dial, resolveTarget } from './dial.ts';
import { passing, type Runner, withErrorPrefix } from './runner.ts';

export const runTcp: Runner<'tcp'> = ({ target, tls, tlsServerName, tlsSkipVerify }, run) =>
  withErrorPrefix(`TCP connect ${target}`, async () => {
    const secure = tls ? { serverName: tlsServerName, skipVerify: tlsSkipVerify } : undefined;
    const socket = await dial(await resolveTarget(target, run), secure, run);
    socket.destroy();
    return passing(`TCP connect ${target}: Success`);
  });
