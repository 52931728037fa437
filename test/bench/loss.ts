/**
 * Changes of the catalog on a network that loses packets: nine agents, whose datagrams and streams nftables drops at random. Time from
 * the answer to a registration, or a deregistration, until the last other agent's blocking query tells of it.
 * `npx tsx test/bench/loss.ts [--short]`.
 */
import { execFileSync } from 'node:child_process';
import { httpRequest } from '../support/http.ts';
import { sleep } from '../support/wait.ts';
import { type BenchAgent, confirm, GOSSIP_PORT, joinFirst, killAll, launchAll } from './kit/agents.ts';
import { fixed, heading, load, median, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { installed, SHORT } from './kit/options.ts';

const MEMBERS = 9;
const CHANGES = SHORT ? 40 : 200;
/** Percent of the packets. */
const LOSSES = [0, 10, 30];
const LIMIT_MS = 60_000;
/** Between changes, on average. */
const PAUSE_MS = 1000;

interface Job {
  readonly percent: number;
}

/** Milliseconds of each change, infinite if it took longer than a minute. */
interface Spread {
  readonly spans: readonly (number | null)[];
  /** Packets. */
  readonly dropped: number;
  readonly load: string;
}

async function run(): Promise<void> {
  if (!installed('nft'))
    return console.log('nft is not installed (package nftables): no packets can be dropped');
  const rows: string[][] = [];
  const loads: string[] = [];
  for (const percent of LOSSES) {
    const {
      spans: found,
      dropped,
      load: loadThen,
    } = await isolated<Job, Spread>(import.meta.url, { percent });
    const spans = found.map((span) => span ?? Number.POSITIVE_INFINITY);
    const values = [median(spans), percentile(spans, 0.9), percentile(spans, 0.99), Math.max(...spans)];
    rows.push([
      `${percent} %`,
      String(dropped),
      String(spans.length),
      ...values.map((value) => fixed(value, 0)),
    ]);
    loads.push(loadThen);
  }
  heading(`a change of the catalog among ${MEMBERS}: milliseconds until the last agent answers with it`);
  console.log(table([['lost', 'packets', 'changes', 'median', 'p90', 'p99', 'worst'], ...rows]));
  console.log(`\n${loads.join('; ')}, each at its end`);
}

async function measure({ percent }: Job): Promise<Spread> {
  const agents = await launchAll('hearsay', MEMBERS);
  await joinFirst(agents);
  await confirm(agents, MEMBERS);
  losePackets(percent);
  const watchers = agents.map(({ ip }) => new Watcher(ip));
  const spans: (number | null)[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await sleep(PAUSE_MS * (0.5 + Math.random()));
    const { ip } = agents[(i >> 1) % MEMBERS] as BenchAgent;
    const id = `web-${i >> 1}`;
    const isThere = i % 2 === 0;
    const known = Promise.all(watchers.map((watcher) => watcher.until(id, isThere)));
    if (isThere) await put(ip, 'register', { Name: 'web', ID: id, Port: 80 });
    else await put(ip, `deregister/${id}`);
    const from = performance.now();
    const late = sleep(LIMIT_MS).then(() => undefined);
    const instants = await Promise.race([known, late]);
    spans.push(instants === undefined ? null : Math.max(0, Math.max(...instants) - from));
  }
  const dropped = droppedPackets();
  await killAll(agents);
  return { spans, dropped, load: load() };
}

/** Drops so many percent of the packets to the gossip ports. The HTTP of this measurement has another port. */
function losePackets(percent: number): void {
  const match = `meta l4proto { tcp, udp } th dport ${GOSSIP_PORT} numgen random mod 100 < ${percent}`;
  execFileSync('nft', ['-f', '-'], {
    input: `add table inet loss
      add chain inet loss input { type filter hook input priority 0; }
      add rule inet loss input ${match} counter drop\n`,
  });
}

const droppedPackets = (): number =>
  Number(
    /packets (\d+)/.exec(execFileSync('nft', ['list', 'table', 'inet', 'loss'], { encoding: 'utf8' }))?.[1],
  );

const put = (ip: string, path: string, body?: object): Promise<unknown> =>
  httpRequest('PUT', `http://${ip}:8500/v1/agent/service/${path}`, {
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** One blocking query after the other, at one agent. */
class Watcher {
  #ids = new Set<string>();
  #onChange = (): void => {};

  constructor(ip: string) {
    void this.#watch(`http://${ip}:8500/v1/health/service/web`);
  }

  /** When the answers began to have this instance, or to lack it. */
  until(id: string, isThere: boolean): Promise<number> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (this.#ids.has(id) === isThere) resolve(performance.now());
      };
    });
  }

  async #watch(url: string): Promise<void> {
    for (let index = 0; ; ) {
      const answer = await httpRequest('GET', `${url}?index=${index}&wait=60s`).catch(() => undefined);
      if (answer === undefined) return; // the agent was killed at the end
      const found = JSON.parse(answer.body) as { Service: { ID: string } }[];
      index = Number(answer.headers['x-consul-index']);
      this.#ids = new Set(found.map(({ Service }) => Service.ID));
      this.#onChange();
    }
  }
}

export { run };

await main(import.meta.url, { run, measure });
