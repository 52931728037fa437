/** The servers of a HAProxy as far as `hearsay sync` uses its runtime API, and that API on a socket. */
import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';

interface FakeServer {
  address: string;
  port: number;
  weight: number;
  /** Bits as in `srv_admin_state`. */
  admin: number;
}

export class FakeHaproxy {
  readonly backends = new Map<string, Map<string, FakeServer>>();
  /** Lines that changed something. */
  readonly changes: string[] = [];
  /** Called after each command. */
  onCommand: () => void = () => undefined;

  constructor(...backends: readonly string[]) {
    for (const name of backends) this.backends.set(name, new Map());
  }

  /** As after a restart: what was added at run time is gone. */
  restart(): void {
    for (const servers of this.backends.values()) servers.clear();
  }

  /** One line, which may have several commands. */
  execute(line: string): string {
    return line
      .split('; ')
      .map((command) => {
        const answer = this.#executeOne(command);
        this.onCommand();
        return `${answer}\n\n`;
      })
      .join('');
  }

  /** `ADDRESS:PORT` with its weight, of all servers that get requests, sorted. */
  serves(backend: string): readonly string[] {
    return this.#list(backend, ({ admin }) => admin === 0);
  }

  drains(backend: string): readonly string[] {
    return this.#list(backend, ({ admin }) => admin === 8);
  }

  slotOf(backend: string, address: string, port: number): string | undefined {
    const found = [...(this.backends.get(backend) ?? [])].find(
      ([, one]) => one.address === address && one.port === port && one.admin !== 1,
    );
    return found?.[0];
  }

  /** Serves the API on a Unix socket until the test ends. */
  async listen(path: string): Promise<void> {
    const server = createServer((connection) => {
      connection.setEncoding('utf8');
      connection.on('error', () => undefined);
      connection.once('data', (text: string) => connection.end(this.execute(text.trim())));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
  }

  #list(backend: string, isListed: (server: FakeServer) => boolean): readonly string[] {
    return [...(this.backends.get(backend)?.values() ?? [])]
      .filter(isListed)
      .map(({ address, port, weight }) => `${address}:${port} ${weight}`)
      .sort();
  }

  #executeOne(command: string): string {
    if (command === 'show backend') return `# name\n${[...this.backends.keys()].join('\n')}`;
    const shown = /^show servers state (\S+)$/.exec(command)?.[1];
    if (shown !== undefined) return this.#showState(shown);
    const [, verb, backend = '', name = '', rest = ''] =
      /^(add|set) server ([^/ ]+)\/(\S+) (.+)$/.exec(command) ?? [];
    const servers = this.backends.get(backend);
    if (servers === undefined) return 'No such backend.';
    this.changes.push(command);
    const server = servers.get(name);
    if (verb === 'add') {
      const [, address = '', port, weight] = /^\[?([\d.a-f:]+?)\]?:(\d+) weight (\d+)$/.exec(rest) ?? [];
      if (server !== undefined) return 'Already exists a server with the same name in backend.';
      servers.set(name, { address, port: Number(port), weight: Number(weight), admin: 1 });
      return 'New server registered.';
    }
    if (server === undefined) return 'No such server.';
    const [what = '', value = '', , port] = rest.split(' ');
    if (what === 'addr') Object.assign(server, { address: value, port: Number(port) });
    else if (what === 'weight' && Number(value) <= 256) server.weight = Number(value);
    else if (what === 'state') server.admin = { ready: 0, drain: 8, maint: 1 }[value] ?? server.admin;
    else return 'Unknown command.';
    return '';
  }

  #showState(backend: string): string {
    const servers = this.backends.get(backend);
    if (servers === undefined) return "Can't find backend.";
    const title =
      '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port';
    const rows = [...servers].map(
      ([name, { address, port, weight, admin }], i) =>
        `3 ${backend} ${i} ${name} ${address} 2 ${admin} ${weight} ${port}`,
    );
    return ['1', title, ...rows].join('\n');
  }
}
