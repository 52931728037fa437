/** Where the messages of datagrams go: SWIM's to SWIM, and user messages by their types, of which Serf's have no number in common with ours. */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { Serf } from '../serf/serf.ts';
import type { SerfEffect } from '../serf/types.ts';
import type { Swim } from '../swim/swim.ts';
import type { SwimEffect } from '../swim/types.ts';
import { isLinkType } from '../wire/links.ts';
import type { PacketMessage } from '../wire/memberlist.ts';
import { isPauseType } from '../wire/pause.ts';
import { isTableType } from '../wire/table.ts';
import type { Effect } from './contract/machine.ts';
import type { LinkTests } from './links/link-tests.ts';
import type { Pausing } from './operations/pause.ts';
import { isServiceMessage, type ServiceLayer } from './replication/services.ts';
import type { TableSync } from './transport/table-sync.ts';

export interface MessageTargets {
  readonly swim: Swim;
  readonly swimOut: SwimEffect[];
  readonly serf: Serf;
  readonly serfOut: SerfEffect[];
  readonly pausing: Pick<Pausing, 'receive'>;
  readonly links: Pick<LinkTests, 'receive'>;
  readonly services: Pick<ServiceLayer, 'receiveGossip'>;
  readonly tables: Pick<TableSync, 'receive'>;
}

/** Throws `WireError`. */
export function routeMessage(
  message: PacketMessage,
  from: Address,
  now: Millis,
  out: Effect[],
  targets: MessageTargets,
): void {
  const { swim, swimOut, serf, serfOut, pausing, links, services, tables } = targets;
  if (message.kind !== 'user') return swim.receive(message, from, now, swimOut);
  const { body } = message;
  const type = body[0] ?? 0;
  if (isPauseType(type)) pausing.receive(body, from, now, out);
  else if (isLinkType(type)) links.receive(body, from, now, out);
  else if (isTableType(type)) tables.receive(body, from, now, out);
  else if (isServiceMessage(type)) services.receiveGossip(body, from, now);
  else serf.receive(body, now, serfOut, from.key);
}
