/** Metrics of this process: the journal's counters, gauges of the view, event loop lag, memory and processor time. */

import type { AgentHealth, View } from '../../agent/contract/view.ts';
import type { Meter } from '../../base/meter.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { Lateness } from '../driver.ts';
import { registerJobMetrics } from './job-metrics.ts';
import type { Journal } from './journal.ts';

export interface ProcessMetricsOptions {
  readonly journal: Journal;
  readonly view: View;
  lateness(): Lateness;
  /** One clause for each part that does not work as configured. */
  degraded(): readonly string[];
  readonly version: string;
}

const CHECK_STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

export function registerProcessMetrics(
  meter: Meter,
  { journal, view, lateness, degraded, version }: ProcessMetricsOptions,
): void {
  meter.gauge('hearsay_build_info', 'Always 1.', () => [[version, 1]], 'version');
  for (const [name, help] of journal.counterHelp)
    meter.observableCounter(`hearsay_${name}_total`, `${help}.`, () => journal.counters.get(name) ?? 0);
  registerMembershipMetrics(meter, view);
  registerServiceMetrics(meter, view);
  registerJobMetrics(meter, view);
  meter.gauge(
    'hearsay_tick_lateness_seconds',
    'Event loop lag: how late protocol ticks ran since the start.',
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
  meter.gauge('process_resident_memory_bytes', 'Resident memory size.', () => process.memoryUsage.rss());
  meter.gauge('nodejs_heap_size_used_bytes', 'Heap in use, in bytes.', () => process.memoryUsage().heapUsed);
  meter.observableCounter('process_cpu_seconds_total', 'User and system CPU time.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}

function registerMembershipMetrics(meter: Meter, view: View): void {
  meter.gauge('hearsay_members', 'Known members, by status.', () => countMembers(view), 'status');
  const health = (select: (health: AgentHealth) => number) => (): number => select(view.health());
  meter.gauge(
    'hearsay_awareness',
    'Local health score (Lifeguard awareness), 0 is healthy.',
    health(({ awareness }) => awareness),
  );
  meter.gauge(
    'hearsay_incarnation',
    'Incarnation of this node.',
    health(({ incarnation }) => incarnation),
  );
  meter.gauge(
    'hearsay_lamport_time',
    'Lamport time, by clock.',
    () => Object.entries(view.health().clocks),
    'clock',
  );
  meter.gauge(
    'hearsay_key_encryptions',
    'Messages encrypted with the primary key in use; times members it must stay far below 2^32.',
    health(({ seals }) => seals),
  );
  meter.gauge(
    'hearsay_broadcast_queue_messages',
    'Messages waiting in the broadcast queue, by lane.',
    () => Object.entries(view.health().lanes),
    'lane',
  );
}

function registerServiceMetrics(meter: Meter, view: View): void {
  meter.gauge('hearsay_services', 'Known service names.', () => view.catalog.services().size);
  meter.gauge('hearsay_instances', 'Known service instances, in any state.', () => view.catalog.size);
  meter.gauge(
    'hearsay_local_checks',
    'Checks registered with this agent, by status.',
    () => countChecks(view),
    'status',
  );
}

function countMembers(view: View): Map<string, number> {
  const counts = new Map<string, number>();
  for (const status of ['alive', 'suspect', 'away', 'leaving', 'left', 'failed']) counts.set(status, 0);
  for (const { status } of view.members()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

function countChecks(view: View): Map<string, number> {
  const counts = new Map<string, number>(CHECK_STATUSES.map((status) => [status, 0]));
  for (const { status } of view.local.checks().values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}
