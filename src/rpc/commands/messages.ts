/** Commands that send messages: `event`, `query` with the answers that come for it, and `respond`. */
import { copyBytes } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { QueryDefinition, QueryId } from '../../serf/types.ts';
import { toBytes } from '../protocol/replies.ts';
import * as requests from '../protocol/requests.ts';
import { command, type RpcCall } from './command.ts';

const NANOS_PER_MILLI = 1e6;
const MIN_TIMEOUT = 10;
const MAX_TIMEOUT = 600_000;

export const event = command({
  scope: 'register',
  request: requests.EventBody,
  run: async ({ body: { name, payload, coalesce }, site }) => {
    await site.agent.execute({ kind: 'fireEvent', name, payload: copyBytes(payload), coalesce });
    return undefined;
  },
});

/** Records follow: `ack` and `response` of each member as they come, and `done` at the end. */
export const query = command({
  scope: 'register',
  request: requests.QueryBody,
  run: async (call) => {
    const { seq, body, site, client } = call;
    const { filterNodes: nodes, filterTags: tags, requestAck: ack, relayFactor, name } = body;
    const definition: QueryDefinition = {
      ...{ name, payload: copyBytes(body.payload), nodes, tags, ack, relayFactor },
      ...(body.timeout === 0 ? {} : { timeout: toTimeout(body.timeout) }),
    };
    let unsubscribe = (): void => undefined;
    client.streams.open(seq, 'query', () => unsubscribe());
    try {
      const { id } = await site.agent.execute({ kind: 'query', query: definition });
      return {
        afterwards: () => {
          const update = createUpdate(call, id);
          unsubscribe = site.agent.subscribe([`query:${id}`], update);
          update();
        },
      };
    } catch (error) {
      client.streams.close(seq);
      throw error;
    }
  },
});

function toTimeout(nanos: number): number {
  const timeout = Math.max(MIN_TIMEOUT, nanos / NANOS_PER_MILLI);
  if (timeout > MAX_TIMEOUT) throw new AgentError('badRequest', 'the timeout of a query must be at most 10m');
  return timeout;
}

/** Sends what has come since the last call, and ends the stream when the query has ended. */
function createUpdate({ seq, client, site }: RpcCall<unknown>, id: QueryId): () => void {
  const { view } = site.agent;
  let acks = 0;
  let responses = 0;
  const record = (type: string, from: string, payload?: Uint8Array): void =>
    client.sendRecord(seq, {
      Type: type,
      From: from,
      Payload: payload === undefined ? null : toBytes(payload),
    });
  return () => {
    const report = view.queryReport(id);
    for (const from of report?.acks.slice(acks) ?? []) record('ack', from);
    for (const { from, payload } of report?.responses.slice(responses) ?? [])
      record('response', from, payload);
    acks = report?.acks.length ?? acks;
    responses = report?.responses.length ?? responses;
    if (report !== undefined && !report.finished) return;
    record('done', '');
    client.streams.close(seq);
  };
}

/** The ID is that of a record of `stream`. */
export const respond = command({
  scope: 'register',
  request: requests.RespondBody,
  run: async ({ body: { id, payload }, site }) => {
    try {
      await site.agent.execute({ kind: 'respond', id, payload: copyBytes(payload) });
      return undefined;
    } catch (error) {
      if (error instanceof AgentError && error.code === 'notFound')
        return { error: 'No pending queries matching ID' };
      throw error;
    }
  },
});
