/** The HTTP/2 ping check. Source: Consul agent/checks/check.go, CheckH2PING. */

import type { ClientHttp2Session } from 'node:http2';
import { withHttp2Session } from './http2.ts';
import { passing, type Runner, withErrorPrefix } from './runner.ts';

export const runH2ping: Runner<'h2ping'> = ({ target, tls, tlsSkipVerify }, run) =>
  withErrorPrefix(`HTTP2 ping of ${target}`, async () => {
    const secure = tls ? { serverName: '', skipVerify: tlsSkipVerify } : undefined;
    await withHttp2Session(target, secure, run, ping);
    return passing('HTTP2 ping was successful');
  });

const ping = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
