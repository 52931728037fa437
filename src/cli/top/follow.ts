/** Fills the state of `hearsay top` from the agent: the event stream, and once a second its figures. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { Client } from '../api/client.ts';
import { followEvents } from '../api/events.ts';
import { FINDINGS_PATH, FindingsSchema, readOrElse } from '../api/facts.ts';
import { AgentInfoSchema, parseResponse } from '../api/schemas.ts';
import { readScheduling, type SchedulingLine } from './scheduling.ts';
import type { TopFigures, TopState, Traffic } from './state.ts';

const INTERVAL = 1000;
const SCHEDULING_EVERY = 3;
/** Findings that the tables show already. */
const LISTED: ReadonlySet<string> = new Set(['failed', 'suspect', 'serviceDown', 'serviceInMaintenance']);

const MetricsSchema = v.looseObject({
  Counters: v.array(
    v.looseObject({ Name: v.string(), Count: v.optional(v.number()), Value: v.optional(v.number()) }),
  ),
});

/** Follows the agent until `signal` aborts. `changed` is called after each change of the state. */
export async function followAgent(
  client: Client,
  state: TopState,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  await Promise.all([
    followEvents(client, '/v1/hearsay/events', signal, {
      onEvent: (event, data) => {
        state.apply(event, data, Date.now());
        changed();
      },
      onAway: ({ message }) => state.setSilent('events', message, Date.now()),
    }),
    followFigures(client, state, signal, changed),
  ]);
}

async function followFigures(
  client: Client,
  state: TopState,
  signal: AbortSignal,
  changed: () => void,
): Promise<void> {
  let scheduling: readonly SchedulingLine[] = [];
  for (let reading = 0; !signal.aborted; reading++) {
    try {
      // All runs and partitions are much to read each second.
      if (reading % SCHEDULING_EVERY === 0) scheduling = await readScheduling(client, Date.now());
      state.setFigures({ ...(await readFigures(client)), scheduling });
    } catch (error) {
      state.setSilent('figures', (error as Error).message, Date.now());
    }
    changed();
    await pause(signal);
  }
}

async function readFigures(client: Client): Promise<Omit<TopFigures, 'scheduling'>> {
  const [info, metrics, { findings }] = await Promise.all([
    client.get('/v1/hearsay/info').then((body) => parseResponse(AgentInfoSchema, body, client)),
    client.get('/v1/agent/metrics').then((body) => parseResponse(MetricsSchema, body, client)),
    readOrElse({ waitingFor: null, findings: [] }, FindingsSchema, client, FINDINGS_PATH),
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
    ...{ awareness: info.health.awareness, degraded: info.degraded },
    findings: findings.filter(({ code }) => !LISTED.has(code)),
    queued: Object.values(info.lanes ?? {}).reduce((sum, one) => sum + one, 0),
  };
}

const pause = (signal: AbortSignal): Promise<void> =>
  sleep(INTERVAL, undefined, { signal }).catch(() => undefined);
