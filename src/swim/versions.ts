/**
 * Protocol versions: which are valid, which are compatible with ours, and the check before every push/pull merge.
 *
 * Source: memberlist state.go (aliveNode, verifyProtocol); P1, P27 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import type { PushNodeState } from '../wire/memberlist.ts';
import type { Member } from './types.ts';

/** Octets of a version field: protocol minimum, maximum and current, then those of the delegate (Serf). */
export const VSN = {
  min: 0,
  max: 1,
  current: 2,
  delegateMin: 3,
  delegateMax: 4,
  delegateCurrent: 5,
} as const;

/** Members with this maximum protocol version, or a higher one, answer pings over a stream. */
export const STREAM_PING_VERSION = 3;
/** Members with this maximum protocol version, or a higher one, send nacks. */
export const NACK_VERSION = 4;

const octet = (vsn: Uint8Array, at: number): number => vsn[at] ?? 0;

export const maxVersion = (member: Member): number => octet(member.identity.vsn, VSN.max);

/**
 * Six octets, with both current versions within their ranges.
 *
 * Differs: memberlist accepts a current version outside its own range, and from then on all its merges fail.
 */
export const isValidVsn = (vsn: Uint8Array): boolean =>
  vsn.length === 6 &&
  octet(vsn, VSN.min) > 0 &&
  isWithin(octet(vsn, VSN.current), octet(vsn, VSN.min), octet(vsn, VSN.max)) &&
  isWithin(octet(vsn, VSN.delegateCurrent), octet(vsn, VSN.delegateMin), octet(vsn, VSN.delegateMax));

/** Does each understand what the other speaks? A row that is not compatible would make every merge fail. */
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

/** The versions that all alive members, in both tables, understand. */
interface CommonVersions {
  min: number;
  max: number;
  delegateMin: number;
  delegateMax: number;
}

/**
 * Throws `WireError('versionMismatch')` unless all members, alive or not, speak versions that all alive members
 * understand. Rows with invalid versions must have been left out before.
 *
 * Source: memberlist state.go, verifyProtocol.
 */
export function checkVersions(remote: readonly PushNodeState[], local: Iterable<Member>): void {
  const common: CommonVersions = { min: 0, max: 255, delegateMin: 0, delegateMax: 255 };
  const held = [...local];
  for (const row of remote) if (row.state === 0) narrow(common, row.vsn);
  for (const member of held) if (member.state === 'alive') narrow(common, member.identity.vsn);
  for (const row of remote) check(common, row.name, row.vsn);
  for (const { identity } of held) check(common, identity.name, identity.vsn);
}

function narrow(common: CommonVersions, vsn: Uint8Array): void {
  common.min = Math.max(common.min, octet(vsn, VSN.min));
  common.max = Math.min(common.max, octet(vsn, VSN.max));
  common.delegateMin = Math.max(common.delegateMin, octet(vsn, VSN.delegateMin));
  common.delegateMax = Math.min(common.delegateMax, octet(vsn, VSN.delegateMax));
}

function check(common: CommonVersions, name: string, vsn: Uint8Array): void {
  const protocol = octet(vsn, VSN.current);
  if (!isWithin(protocol, common.min, common.max))
    throw new WireError(
      'versionMismatch',
      `${name} speaks protocol version ${protocol}, but all others speak ${common.min} to ${common.max}`,
    );
  const delegate = octet(vsn, VSN.delegateCurrent);
  if (!isWithin(delegate, common.delegateMin, common.delegateMax))
    throw new WireError(
      'versionMismatch',
      `${name} speaks delegate protocol version ${delegate}, but all others speak ${common.delegateMin} to ${common.delegateMax}`,
    );
}
