/**
 * A minimal HTTP client for tests: status, headers and body of one request. `unix:/a/b.sock/path` sends it to a Unix
 * socket, which works across network namespaces.
 */
import { request } from 'node:http';

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export function httpRequest(
  method: string,
  url: string,
  options: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const [, socketPath, path] = /^unix:(.+?\.sock)(\/.*)$/.exec(url) ?? [];
    const at = socketPath === undefined ? url : 'http://localhost';
    const wanted = { method, headers: options.headers ?? {}, timeout: 30_000 };
    const local = socketPath === undefined ? {} : { socketPath, path };
    const asked = request(at, { ...wanted, ...local }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer from ${url}`)));
    asked.on('error', reject);
    asked.end(options.body);
  });
}

export async function getJson<T>(url: string): Promise<T> {
  const answer = await httpRequest('GET', url);
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as T;
}
