/** Certificates for tests of TLS, made by openssl. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Authority {
  /** The file of its certificate. */
  readonly cert: string;
  /** Signs a certificate for `name` and these addresses. */
  issue(name: string, ...addresses: readonly string[]): { readonly cert: string; readonly key: string };
}

const openssl = (...args: readonly string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe' });
const newKey = (path: string): readonly string[] => [
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-nodes',
  '-keyout',
  path,
];

export function createAuthority(dir: string, name: string): Authority {
  const [cert, key] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  openssl('req', '-x509', ...newKey(key), '-out', cert, '-days', '2', '-subj', `/CN=${name}`);
  return {
    cert,
    issue: (subject, ...addresses) => {
      const base = join(dir, `${name}-${subject}`);
      const [request, extensions] = [`${base}.csr`, `${base}.ext`];
      openssl('req', ...newKey(`${base}.key`), '-out', request, '-subj', `/CN=${subject}`);
      writeFileSync(
        extensions,
        `subjectAltName=${['DNS:localhost', ...addresses.map((ip) => `IP:${ip}`)].join()}\n`,
      );
      const signing = ['-CA', cert, '-CAkey', key, '-CAcreateserial', '-days', '1', '-extfile', extensions];
      openssl('x509', '-req', '-in', request, ...signing, '-out', `${base}.pem`);
      chmodSync(`${base}.key`, 0o600);
      return { cert: `${base}.pem`, key: `${base}.key` };
    },
  };
}
