/** Settings of which instances come first in answers. They belong to the agent section: `--zone-spill`, `zoneSpill`. */
import { ZONE_DEFAULTS } from '../../locality/zone-planner.ts';
import {
  booleanSetting,
  commonFields,
  defineSection,
  durationSetting,
  formatDuration,
  type Setting,
  type SettingOptions,
} from '../setting.ts';

export const preferenceSettings = defineSection({
  suspectsLast: booleanSetting({
    default: true,
    doc: 'Put instances on suspected nodes last in resolve, `near=` and DNS while at least two others are well.',
    offDoc: 'Treat instances on suspected nodes like all others in resolve, `near=` and DNS.',
  }),
  zoneSpill: shareSetting({
    default: ZONE_DEFAULTS.spill,
    doc:
      'Of the usual instances of an availability zone (the tag `zone` of agents), the share that can carry all of its traffic. While as many can be ' +
      'used, agents and clients in a zone use the instances of their own; below it the rest goes to the nearest zone, in proportion. 1 sends away the ' +
      'share of each instance that is missing, 0 leaves a zone with its last one only, and off treats all zones alike.',
  }),
  zoneHold: durationSetting({
    default: formatDuration(ZONE_DEFAULTS.hold),
    max: '1h',
    doc: 'How long an availability zone must have more usable instances before more traffic returns to it.',
  }),
});

/** A number from 0 to 1, or `off`, which is `null`. */
function shareSetting(options: SettingOptions<number | null>): Setting<number | null> {
  return {
    type: 'number',
    default: options.default,
    ...commonFields(options, 'SHARE|off'),
    bounds: '0 to 1, or off',
    parse: (raw) => {
      if (raw === 'off' || raw === false) return null;
      const value = typeof raw === 'string' && /^\d*\.?\d+$/.test(raw) ? Number(raw) : raw;
      if (typeof value !== 'number' || !(value >= 0 && value <= 1))
        throw new Error('must be a number from 0 to 1, such as 0.5, or off');
      return value;
    },
    format: (value) => (value === null ? 'off' : String(value)),
  };
}
