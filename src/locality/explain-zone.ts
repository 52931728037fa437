/** Says in a clause what a plan means for the instances of a zone, as in `zone b is spare: zone a has 3 of 3`. */
import type { Millis } from '../base/time.ts';
import type { ZonePlan, ZoneShare } from './zone-planner.ts';

/** `undefined`: it is the reader's own zone, and gets all; or the plan does not know it. */
export function explainZone({ own, zones }: ZonePlan, zone: string, now: Millis): string | undefined {
  const it = zones.find((one) => one.zone === zone);
  if (it === undefined) return undefined;
  const served = zones.filter(({ share }) => share > 0);
  if (it.share === 0 && served.length > 0)
    return `${nameOf(zone)} is spare: ${served.map(count).join(' and ')}${returning(it, now)}`;
  if (it.share < 1)
    return `${nameOf(zone)} gets ${percent(it)} of the traffic from here: ${zones.map(count).join(', ')}${returning(it, now)}`;
  const better = zones.find((one) => one.zone === own);
  if (zone === own || better === undefined) return undefined;
  return `${nameOf(zone)} gets all traffic from here: ${count(better)}${returning(better, now)}`;
}

const nameOf = (zone: string): string => (zone === '' ? 'the part without a zone' : `zone ${zone}`);

const count = ({ zone, usable, usual }: ZoneShare): string => `${nameOf(zone)} has ${usable} of ${usual}`;

const percent = ({ share }: ZoneShare): string => `${Math.round(share * 100)} %`;

const returning = ({ returnsAt, zone }: ZoneShare, now: Millis): string =>
  returnsAt === null
    ? ''
    : `; more goes to ${nameOf(zone)} if that is still so in ${Math.max(1, Math.ceil((returnsAt - now) / 1000))} s`;
