/** TLS of the HTTP API: what is offered to clients, and what is asked of them. It is loaded where it is on, since Node's TLS costs a megabyte. */
import { createServer, type Server, type ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { AgentError } from '../../base/errors.ts';

/** The content of PEM files. */
export interface TlsMaterial {
  /** The certificate of the server, and those that it was signed by. */
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that one of these has signed; absent: none is asked for. */
  readonly clientCa?: string;
}

/** Older versions have known weaknesses, and no kept client needs them. */
const MIN_VERSION = 'TLSv1.2';

/** Throws `AgentError('config')` if the certificate and the key are not usable, or not of each other. */
export function toTlsOptions(material: TlsMaterial): ServerOptions {
  const { cert, key, clientCa } = material;
  const options: ServerOptions = {
    ...{ cert, key, minVersion: MIN_VERSION },
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AgentError(
      'config',
      `httpTlsCert and httpTlsKey cannot be used (${reason}): give a certificate and its key, both as PEM`,
    );
  }
  return options;
}

/** Throws as `toTlsOptions`. */
export const createTlsServer = (options: ServerOptions, material: TlsMaterial): Server =>
  createServer({ ...options, ...toTlsOptions(material) });

/** Connections from now on get this certificate. Throws as `toTlsOptions`. */
export const replaceCertificate = (server: Server, material: TlsMaterial): void =>
  server.setSecureContext(toTlsOptions(material));
