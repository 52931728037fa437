/** HAProxy's runtime API, over the socket of its `stats socket` line. Source: HAProxy 2.6 management guide, 9.3 "Unix Socket commands". */
import { createConnection } from 'node:net';
import { splitHostPort } from '../../base/address.ts';
import { type ServerSlot, SLOT_PREFIX } from './slot-plan.ts';

const TIMEOUT_MS = 5000;
/** Bits of `srv_admin_state`: in maintenance for any reason but the configuration file, which `state ready` overrules; draining. */
const MAINT = 0x63;
const DRAIN = 0x18;
const SLOT_NAME = new RegExp(`^${SLOT_PREFIX}[1-9]\\d{0,5}$`);

export type HaproxySocket = { readonly path: string } | { readonly host: string; readonly port: number };

/** `/PATH`, `unix:/PATH`, `unix:///PATH` or `HOST:PORT`. */
export function parseHaproxySocket(text: string): HaproxySocket | undefined {
  const path = /^(?:unix:(?:\/\/)?)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { path };
  const { host, port } = splitHostPort(text) ?? {};
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** No such backend, or an answer that is none of HAProxy's: asking again will not help. */
export class HaproxyError extends Error {
  override readonly name = 'HaproxyError';
}

export class HaproxyRuntimeApi {
  readonly #socket: HaproxySocket;

  constructor(socket: HaproxySocket) {
    this.#socket = socket;
  }

  /** Sends one line. HAProxy answers and closes. Rejects when it is not there, or silent. */
  send(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const connection = createConnection(this.#socket);
      connection.setEncoding('utf8');
      connection.setTimeout(TIMEOUT_MS, () =>
        connection.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)),
      );
      connection.on('data', (text: string) => {
        answer += text;
      });
      connection.on('error', reject);
      connection.on('close', () => resolve(answer));
      connection.write(`${line}\n`);
    });
  }

  async backends(): Promise<readonly string[]> {
    const [title, ...names] = (await this.send('show backend')).split('\n');
    if (title?.trim() !== '# name') throw new HaproxyError('what answers there is not HAProxy');
    return names.map((name) => name.trim()).filter((name) => name !== '');
  }

  /** The slots of a backend; its other servers are left alone. */
  async slots(backend: string): Promise<readonly ServerSlot[]> {
    const answer = await this.send(`show servers state ${backend}`);
    return parseServersState(answer);
  }
}

/** Columns are found by their names: later versions may add some. */
export function parseServersState(answer: string): readonly ServerSlot[] {
  const [version, title, ...lines] = answer.split('\n');
  const columns = title?.replace(/^# /, '').split(' ') ?? [];
  if (version !== '1' || !columns.includes('srv_name'))
    throw new HaproxyError(`HAProxy does not show its servers: ${answer.trim().slice(0, 200)}`);
  const slots: ServerSlot[] = [];
  for (const line of lines) {
    const cells = line.split(' ');
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
    const name = cell('srv_name');
    if (!SLOT_NAME.test(name)) continue;
    const admin = Number(cell('srv_admin_state'));
    slots.push({
      ...{ name, address: cell('srv_addr'), port: Number(cell('srv_port')) },
      weight: Number(cell('srv_uweight')),
      state: (admin & MAINT) !== 0 ? 'maint' : (admin & DRAIN) !== 0 ? 'drain' : 'ready',
    });
  }
  return slots;
}
