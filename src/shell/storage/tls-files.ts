/** The files of the HTTP API's TLS settings. */

import { describeError } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import type { AgentConfig } from '../../config/schema.ts';
import { readTrustedFile } from './trusted-file.ts';

type TlsSettings = Pick<AgentConfig, 'httpTlsCert' | 'httpTlsKey' | 'httpTlsClientCa'>;

export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

const MAX_BYTES = 1024 * 1024;
/** Others than the owner and the group may read what must be secret. */
const READABLE_BY_OTHERS = 0o004;

/** `undefined`: TLS is off. Rejects with `AgentError('config')` if a file cannot be read, or others could have written it. */
export async function readTlsFiles(config: TlsSettings): Promise<TlsTexts | undefined> {
  const { httpTlsCert, httpTlsKey, httpTlsClientCa } = config;
  if (httpTlsCert === undefined || httpTlsKey === undefined) return undefined;
  const cert = await readPem('httpTlsCert', httpTlsCert);
  const key = await readPem('httpTlsKey', httpTlsKey);
  if ((key.mode & READABLE_BY_OTHERS) !== 0)
    throw new AgentError(
      'config',
      `httpTlsKey: all users of this host can read ${httpTlsKey}: chmod o-r ${httpTlsKey}`,
    );
  return {
    ...{ cert: cert.text, key: key.text },
    ...(httpTlsClientCa === undefined
      ? {}
      : { clientCa: (await readPem('httpTlsClientCa', httpTlsClientCa)).text }),
  };
}

async function readPem(setting: string, path: string): Promise<{ text: string; mode: number }> {
  const what = `${setting}: ${path}`;
  try {
    const { text, stats } = await readTrustedFile(path, {
      ...{ what, maxBytes: MAX_BYTES },
      remedy: `chmod go-w ${path}`,
    });
    return { text, mode: stats.mode };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('config', `${what} cannot be read: ${describeError(error)}`);
  }
}
