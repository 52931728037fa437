/** Fills the state of `hearsay top` from the agent: the event stream, and once a second its figures. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { Client } from '../api/client.ts';
import { AgentInfoSchema, parseResponse } from '../api/schemas.ts';
import type { TopFigures, TopState, Traffic } from './state.ts';

const INTERVAL = 1000;

const MetricsSchema = v.looseObject({
  Counters: v.array(
    v.looseObject({ Name: v.string(), Count: v.optional(v.number()), Value: v.optional(v.number()) }),
  ),
});
const CountedSchema = v.array(v.looseObject({ count: v.number() }));

/** Until `signal` aborts. `changed` is called after each change of the state. */
export async function followAgent(
  client: Client,
  state: TopState,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  await Promise.all([
    followEvents(client, state, signal, changed),
    followFigures(client, state, signal, changed),
  ]);
}

/** The stream is opened again whenever it ends: the agent may have been restarted. */
async function followEvents(
  client: Client,
  state: TopState,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  while (!signal.aborted) {
    let event = '';
    try {
      await client.streamLines('/v1/hearsay/events', signal, (line) => {
        if (line.startsWith('event: ')) event = line.slice(7);
        else if (line.startsWith('data: ')) {
          state.apply(event, JSON.parse(line.slice(6)), Date.now());
          changed();
        }
      });
    } catch (error) {
      if (!signal.aborted) state.setSilent('events', (error as Error).message, Date.now());
    }
    await pause(signal);
  }
}

async function followFigures(
  client: Client,
  state: TopState,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      state.setFigures(await readFigures(client));
    } catch (error) {
      state.setSilent('figures', (error as Error).message, Date.now());
    }
    changed();
    await pause(signal);
  }
}

async function readFigures(client: Client): Promise<TopFigures> {
  const [info, metrics, warnings] = await Promise.all([
    client.get('/v1/hearsay/info').then((body) => parseResponse(AgentInfoSchema, body, client)),
    client.get('/v1/agent/metrics').then((body) => parseResponse(MetricsSchema, body, client)),
    client.get('/v1/hearsay/warnings').then((body) => parseResponse(CountedSchema, body, client)),
  ]);
  const counters = new Map(metrics.Counters.map(({ Name, Count, Value }) => [Name, Count ?? Value ?? 0]));
  const count = (name: string): number => counters.get(`hearsay_${name}_total`) ?? 0;
  const traffic: Traffic = {
    readAt: Date.now(),
    packetsIn: count('packets_received'),
    packetsOut: count('packets_sent'),
    bytesIn: count('bytes_received'),
    bytesOut: count('bytes_sent'),
  };
  const { kind = 'whole', sentence = '' } = info.partitionSummary ?? {};
  return {
    ...{ node: `${info.node} (${info.datacenter})`, sentence, isWhole: kind === 'whole', traffic },
    ...{ awareness: info.health.awareness, degraded: info.degraded, warnings: warnings.length },
    queued: Object.values(info.lanes ?? {}).reduce((sum, one) => sum + one, 0),
  };
}

const pause = (signal: AbortSignal): Promise<void> =>
  sleep(INTERVAL, undefined, { signal }).catch(() => undefined);
