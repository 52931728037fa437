/** Settings of the HTTP server. They belong to the agent section: `--http-kv`, `httpKv`. */
import { AgentError } from '../../base/errors.ts';
import { validateDomain, validateNotEmpty, validateVersion } from '../names.ts';
import { booleanSetting, defineSection, type Setting, type SettingValues } from '../setting.ts';
import { choiceSetting, listenSetting, listSetting, textSetting } from '../text.ts';
import { tokenFileSetting, tokenSetting } from './tokens.ts';

/** A reply to a request from the agent's own host that lacks a scope names the file of the operator token, percent-encoded. */
export const TOKEN_FILE_HEADER = 'x-hearsay-token-file';

/** Sent by HTTP checks, so that no agent is changed by the check of a tenant. Source: S15 (docs/security.md). */
export const CHECK_HEADER = 'x-hearsay-check';

const pemSetting = (doc: string, source: string): Setting<string | undefined> =>
  textSetting({
    default: undefined,
    defaultText: 'none',
    placeholder: 'PATH',
    validate: validateNotEmpty,
    doc,
    source,
  });

export const httpSection = defineSection({
  http: listenSetting({
    default: '127.0.0.1:8500',
    port: 8500,
    doc: 'Address that the HTTP API listens on. Beyond loopback it requires a token, or --insecure.',
    source: 'consul addresses.http, ports.http',
  }),
  httpTlsCert: pemSetting(
    'File with the certificate of the HTTP API and of those that signed it, as PEM: then it speaks HTTPS only. A reload reads it and the key again.',
    'consul tls.https.cert_file',
  ),
  httpTlsKey: pemSetting(
    'File with the private key of that certificate, as PEM. Other users must not be able to read it.',
    'consul tls.https.key_file',
  ),
  httpTlsClientCa: pemSetting(
    'File with the certificates of authorities, as PEM: every HTTP client must show a certificate that one of them signed. A token is needed as without it.',
    'consul tls.https.ca_file, tls.https.verify_incoming',
  ),
  httpToken: tokenSetting('Token that every HTTP request must carry; it allows everything.'),
  httpTokenFile: tokenFileSetting('File that holds the HTTP token; overrides HEARSAY_HTTP_TOKEN.'),
  httpReadToken: tokenSetting('Token that allows to read. If it is set, every HTTP request needs a token.'),
  httpReadTokenFile: tokenFileSetting('File that holds it; overrides HEARSAY_HTTP_READ_TOKEN.'),
  httpRegisterToken: tokenSetting(
    'Token that allows to read, to register services and checks, and to send events and queries. If it is set, all but reading needs a token.',
  ),
  httpRegisterTokenFile: tokenFileSetting('File that holds it; overrides HEARSAY_HTTP_REGISTER_TOKEN.'),
  httpOperatorToken: tokenSetting(
    'Token that allows everything, gossip keys, members, tags and stopping the agent included. If it is set, these need a token.',
  ),
  httpOperatorTokenFile: tokenFileSetting('File that holds it; overrides HEARSAY_HTTP_OPERATOR_TOKEN.'),
  openOperator: booleanSetting({
    default: false,
    doc: 'Let every account of this host change gossip keys, members and tags and stop the agent over HTTP, also where there is a gossip key or a data directory, unless a token is set.',
  }),
  httpAllowedHosts: listSetting({
    placeholder: 'NAME',
    validate: validateDomain,
    doc: "Host name under which the HTTP API may be called, besides localhost and the agent's own addresses and names.",
  }),
  insecure: booleanSetting({
    default: false,
    doc: 'Allow the HTTP API and RPC beyond loopback without a token.',
  }),
  httpKv: choiceSetting({
    values: ['refuse', 'empty'],
    default: 'refuse',
    doc: 'Response to key/value reads: refuse answers 501; empty answers 404, for tools that must find no keys. Writes are always refused.',
  }),
  ui: choiceSetting({
    values: ['on', 'off'],
    default: 'on',
    doc: 'Whether the HTTP server serves the dashboard at /ui/.',
    source: 'consul ui_config.enabled',
  }),
  consulVersion: textSetting({
    default: '1.22.0',
    placeholder: 'VERSION',
    validate: validateVersion,
    bounds: 'a semantic version',
    doc: 'Version of Consul whose API clients may expect, in agent/self and agent/version: Nomad and Terraform compare it.',
  }),
  httpGetWrites: booleanSetting({
    default: true,
    doc: 'Let old clients on this host deregister, update checks, join and force-leave with GET, as python-consul 0.7 does.',
    offDoc: 'Refuse writes by GET, which old clients such as python-consul 0.7 send.',
  }),
});

type TlsValues = Pick<
  SettingValues<typeof httpSection>,
  'http' | 'httpTlsCert' | 'httpTlsKey' | 'httpTlsClientCa'
>;

/** Throws `AgentError('config')` where one setting of TLS lacks the others it needs. */
export function rejectTlsContradictions({ http, httpTlsCert, httpTlsKey, httpTlsClientCa }: TlsValues): void {
  if (httpTlsCert === undefined && httpTlsKey === undefined && httpTlsClientCa === undefined) return;
  if (httpTlsCert === undefined || httpTlsKey === undefined)
    throw new AgentError('config', 'TLS needs both httpTlsCert and httpTlsKey: set both, or none');
  if (http.kind === 'unix')
    throw new AgentError(
      'config',
      'httpTlsCert: HTTP on a socket file has no TLS: give an address, or no certificate',
    );
}
