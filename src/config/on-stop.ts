/** `onStop`: what SIGTERM and SIGINT mean, to leave the cluster or to stop for a moment. */
import type { Millis } from '../base/time.ts';
import { commonFields, formatDuration, parseDuration, type Setting, type SettingOptions } from './setting.ts';

export type OnStop = { readonly kind: 'leave' } | { readonly kind: 'pause'; readonly duration: Millis };

const DEFAULT_PAUSE: Millis = 30_000;
const MIN_PAUSE: Millis = 1000;
/** As long as other agents believe it at most. */
const MAX_PAUSE: Millis = 300_000;

export function onStopSetting(options: Omit<SettingOptions<OnStop>, 'default'>): Setting<OnStop> {
  return {
    type: 'text',
    default: { kind: 'leave' },
    ...commonFields(options, 'leave|pause[=DURATION]'),
    bounds: 'leave, pause, or pause=DURATION of 1s to 5m',
    parse: parseOnStop,
    format: (value) => (value.kind === 'leave' ? 'leave' : `pause=${formatDuration(value.duration)}`),
  };
}

function parseOnStop(raw: unknown): OnStop {
  if (raw === 'leave') return { kind: 'leave' };
  if (raw === 'pause') return { kind: 'pause', duration: DEFAULT_PAUSE };
  if (typeof raw !== 'string' || !raw.startsWith('pause='))
    throw new Error('must be leave, pause, or pause=30s with a duration of 1s to 5m');
  const duration = parseDuration(raw.slice('pause='.length));
  if (duration < MIN_PAUSE || duration > MAX_PAUSE) throw new Error('a pause must last 1s to 5m');
  return { kind: 'pause', duration };
}
