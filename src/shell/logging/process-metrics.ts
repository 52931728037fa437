/** What the process can tell about itself in numbers: the journal's counters, the view, the loop and the memory. */

import type { AgentHealth, View } from '../../agent/contract/view.ts';
import type { Meter } from '../../base/meter.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { Lateness } from '../driver.ts';
import type { Journal } from './journal.ts';

export interface ProcessMetricsOptions {
  readonly journal: Journal;
  readonly view: View;
  lateness(): Lateness;
  /** One clause for each part that does not work as configured. */
  degraded(): readonly string[];
  readonly version: string;
}

const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

export function registerProcessMetrics(
  meter: Meter,
  { journal, view, lateness, degraded, version }: ProcessMetricsOptions,
): void {
  meter.gauge('hearsay_build_info', 'Always 1.', () => [[version, 1]], 'version');
  for (const [name, help] of journal.counterHelp)
    meter.observableCounter(`hearsay_${name}_total`, `${help}.`, () => journal.counters.get(name) ?? 0);

  meter.gauge('hearsay_members', 'Members known, by status.', () => members(view), 'status');
  const health = (of: (health: AgentHealth) => number) => (): number => of(view.health());
  meter.gauge(
    'hearsay_awareness',
    'Own health score, 0 is well.',
    health(({ awareness }) => awareness),
  );
  meter.gauge(
    'hearsay_incarnation',
    'Own incarnation.',
    health(({ incarnation }) => incarnation),
  );
  meter.gauge('hearsay_lamport_time', 'Lamport clocks.', () => Object.entries(view.health().clocks), 'clock');
  meter.gauge(
    'hearsay_key_seals',
    'Messages that the gossip key in use has sealed here; times members it must stay far below 2^32.',
    health(({ seals }) => seals),
  );
  meter.gauge('hearsay_lane_messages', 'Messages waiting to be gossiped.', () => lanes(view), 'lane');

  meter.gauge('hearsay_services', 'Names of services known.', () => view.catalog.services().size);
  meter.gauge('hearsay_instances', 'Instances of services known, in any state.', () => view.catalog.size);
  meter.gauge('hearsay_local_checks', 'Checks registered here, by status.', () => checks(view), 'status');

  meter.gauge(
    'hearsay_loop_lateness_seconds',
    'How late ticks of the protocol came since the start.',
    () => {
      const { max, p999 } = lateness();
      return [
        ['0.999', p999 / 1000],
        ['1', max / 1000],
      ];
    },
    'quantile',
  );
  meter.gauge('hearsay_degraded', 'Parts that do not work as configured.', () => degraded().length);
  meter.gauge('process_resident_memory_bytes', 'Memory of this process.', () => process.memoryUsage.rss());
  meter.gauge('nodejs_heap_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed);
  meter.observableCounter('process_cpu_seconds_total', 'Processor time of this process.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}

const lanes = (view: View): (readonly [string, number])[] => Object.entries(view.health().lanes);

function members(view: View): Map<string, number> {
  const found = new Map<string, number>();
  for (const status of ['alive', 'suspect', 'leaving', 'left', 'failed']) found.set(status, 0);
  for (const { status } of view.members()) found.set(status, (found.get(status) ?? 0) + 1);
  return found;
}

function checks(view: View): Map<string, number> {
  const found = new Map<string, number>(STATUSES.map((status) => [status, 0]));
  for (const { status } of view.local.checks().values()) found.set(status, (found.get(status) ?? 0) + 1);
  return found;
}
