/** From what is registered here to what others are told: local services and checks as entries of our own ledger. */

import type { Millis } from '../base/time.ts';
import { trimOutput } from '../catalog/publish-limits.ts';
import type { Change, Check, Service } from '../catalog/types.ts';
import type { LocalChange, LocalCheck, LocalService } from '../checks/types.ts';
import { formatDuration } from '../config/setting.ts';

/** The change of our ledger that tells it. */
export function changeOf(local: LocalChange): Change {
  switch (local.kind) {
    case 'putService':
      return { put: published(local.service) };
    case 'putCheck':
      return { put: publishedCheck(local.check) };
    case 'removeService':
      return { remove: `s:${local.id}` };
    case 'removeCheck':
      return { remove: `c:${local.id}` };
  }
}

const published = ({ definition, draining }: LocalService): Service => ({
  kind: 'service',
  ...definition,
  draining,
});

function publishedCheck({ definition, status, output }: LocalCheck): Check {
  const { id, name, notes, serviceId, probe, interval, timeout } = definition;
  return {
    kind: 'check',
    id,
    name,
    status,
    notes,
    output: trimOutput(output),
    serviceId,
    type: probe.kind === 'exec' ? 'script' : probe.kind,
    interval: shown(interval),
    timeout: shown(timeout),
  };
}

/** `''` where a check has none. */
const shown = (span: Millis): string => (span === 0 ? '' : formatDuration(span));
