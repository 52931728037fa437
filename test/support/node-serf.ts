/** node-serf, a client of Serf for Node: every kind of call once, against one agent. */
import { type EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import type { AgentProcess } from './processes.ts';
import { waitUntil } from './wait.ts';

type Callback = (error: Error | null, reply: Record<string, unknown>) => void;
/** A client of Serf for Node; it has no types of its own. */
interface NodeSerf {
  members(done: Callback): void;
  membersFiltered(body: object, done: Callback): void;
  stats(done: Callback): void;
  event(body: object, done: Callback): void;
  stream(body: object): EventEmitter;
  query(body: object): EventEmitter;
  end(): void;
}
const nodeSerf = createRequire(import.meta.url)('node-serf') as {
  connect(at: { host: string; port: number }, done: (error: Error | null) => void): NodeSerf;
};

/** What the client is told, without what differs from agent to agent. */
export async function callNodeSerf({ ip: host }: AgentProcess) {
  const client = await new Promise<NodeSerf>((resolve, reject) => {
    const connected: NodeSerf = nodeSerf.connect({ host, port: 7373 }, (error) =>
      error ? reject(error) : resolve(connected),
    );
  });
  const reply = (call: (done: Callback) => void): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => call((error, body) => (error ? reject(error) : resolve(body))));
  const byName = ({ Members }: Record<string, unknown>): unknown[] =>
    (Members as { Name: string }[]).sort((a, b) => (a.Name < b.Name ? -1 : 1));
  const members = byName(await reply((done) => client.members(done)));
  const some = byName(await reply((done) => client.membersFiltered({ Name: 'one-.*', Tags: {} }, done)));
  const stats = Object.keys(await reply((done) => client.stats(done))).sort();
  const heard = once(client.stream({ Type: 'user:from-node' }), 'data');
  await reply((done) => client.event({ Name: 'from-node', Payload: 'v1', Coalesce: false }, done));
  const [{ LTime, ...event }] = (await heard) as [Record<string, unknown>];
  const answers: unknown[] = [];
  const query = client.query({ Name: 'nobody-answers', Payload: 'x', RequestAck: true, Timeout: 1e9 });
  query.on('data', (record: unknown) => answers.push(record));
  await waitUntil('the query is done', 10_000, () => JSON.stringify(answers.at(-1)).includes('done'));
  client.end();
  answers.sort((a, b) => (JSON.stringify(sortedKeys(a)) < JSON.stringify(sortedKeys(b)) ? -1 : 1));
  return { members, some, stats, event, answers, hasTime: Number(LTime) > 0 };
}

const sortedKeys = (record: unknown): unknown => Object.entries(record as object).sort();
