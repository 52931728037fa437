/**
 * Protocol versions: which are sane, which can live with ours, and the check in front of every merge.
 *
 * Source: memberlist state.go (aliveNode, verifyProtocol); P1, P27 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import type { PushNodeState } from '../wire/memberlist.ts';
import type { Member } from './types.ts';

/** Octets of a `Vsn`: protocol min, max, current, then the delegate's (Serf's). */
export const VSN = {
  min: 0,
  max: 1,
  current: 2,
  delegateMin: 3,
  delegateMax: 4,
  delegateCurrent: 5,
} as const;

/** Peers from this maximum on answer pings over a stream. */
export const STREAM_PING_VERSION = 3;
/** Peers from this maximum on send nacks. */
export const NACK_VERSION = 4;

const octet = (vsn: Uint8Array, at: number): number => vsn[at] ?? 0;

export const maxVersion = (member: Member): number => octet(member.identity.vsn, VSN.max);

/**
 * Six octets whose ranges are ranges that hold the current versions.
 *
 * Differs: memberlist takes a current version outside its own range, and from then on its every merge fails.
 */
export const isValidVsn = (vsn: Uint8Array): boolean =>
  vsn.length === 6 &&
  octet(vsn, VSN.min) > 0 &&
  isWithin(octet(vsn, VSN.current), octet(vsn, VSN.min), octet(vsn, VSN.max)) &&
  isWithin(octet(vsn, VSN.delegateCurrent), octet(vsn, VSN.delegateMin), octet(vsn, VSN.delegateMax));

/** Each understands what the other speaks. A row for which this fails would make every merge fail. */
export const isCompatible = (theirs: Uint8Array, ours: Uint8Array): boolean =>
  understands(theirs, ours) && understands(ours, theirs);

const understands = (listener: Uint8Array, speaker: Uint8Array): boolean =>
  isWithin(octet(speaker, VSN.current), octet(listener, VSN.min), octet(listener, VSN.max)) &&
  isWithin(
    octet(speaker, VSN.delegateCurrent),
    octet(listener, VSN.delegateMin),
    octet(listener, VSN.delegateMax),
  );

const isWithin = (value: number, min: number, max: number): boolean => value >= min && value <= max;

/** What everyone alive, here and there, understands. */
interface Common {
  min: number;
  max: number;
  delegateMin: number;
  delegateMax: number;
}

/**
 * Throws `WireError('versionMismatch')` unless everyone, alive or not, speaks what all that are alive understand.
 * Rows with insane versions must have been taken out before.
 *
 * Source: memberlist state.go, verifyProtocol.
 */
export function checkVersions(remote: readonly PushNodeState[], local: Iterable<Member>): void {
  const common: Common = { min: 0, max: 255, delegateMin: 0, delegateMax: 255 };
  const held = [...local];
  for (const row of remote) if (row.state === 0) narrow(common, row.vsn);
  for (const member of held) if (member.state === 'alive') narrow(common, member.identity.vsn);
  for (const row of remote) check(common, row.name, row.vsn);
  for (const { identity } of held) check(common, identity.name, identity.vsn);
}

function narrow(common: Common, vsn: Uint8Array): void {
  common.min = Math.max(common.min, octet(vsn, VSN.min));
  common.max = Math.min(common.max, octet(vsn, VSN.max));
  common.delegateMin = Math.max(common.delegateMin, octet(vsn, VSN.delegateMin));
  common.delegateMax = Math.min(common.delegateMax, octet(vsn, VSN.delegateMax));
}

function check(common: Common, name: string, vsn: Uint8Array): void {
  const protocol = octet(vsn, VSN.current);
  if (!isWithin(protocol, common.min, common.max))
    throw new WireError(
      'versionMismatch',
      `${name} speaks protocol ${protocol}, all others ${common.min} to ${common.max}`,
    );
  const delegate = octet(vsn, VSN.delegateCurrent);
  if (!isWithin(delegate, common.delegateMin, common.delegateMax))
    throw new WireError(
      'versionMismatch',
      `${name} speaks delegate protocol ${delegate}, all others ${common.delegateMin} to ${common.delegateMax}`,
    );
}
