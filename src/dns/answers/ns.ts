/** NS: who else answers for the domain. Any agent does. */
import type { MemberView } from '../../agent/types.ts';
import type { Rng } from '../../base/rng.ts';
import { ASKED, addressData, type Item, TYPE } from '../records.ts';
import { type Ask, nodeName } from '../zone.ts';

const MAX_SERVERS = 3;

/** Up to three live agents, drawn anew for each answer, with their addresses. */
export function ns(ask: Ask): Item[] {
  const { subject, type, zone } = ask;
  if (subject.kind !== 'apex' || (type !== TYPE.NS && type !== TYPE.ANY)) return [];
  const alive = zone.view.members().filter((member) => member.status === 'alive');
  return draw(alive, MAX_SERVERS, zone.rng).map((member) => {
    const name = nodeName(member, ask);
    const ttlSeconds = zone.nodeTtlSeconds;
    return {
      record: { owner: ASKED, ttlSeconds, data: { type: 'NS', name } },
      glue: [{ owner: name, ttlSeconds, data: addressData(member.address.ip) }],
    };
  });
}

/** `count` of `all` in random order, each as likely as any other. `all` is ours to disturb. */
function draw(all: MemberView[], count: number, rng: Rng): MemberView[] {
  for (let i = 0; i < Math.min(count, all.length); i++) {
    const j = i + rng.int(all.length - i);
    [all[i], all[j]] = [all[j] as MemberView, all[i] as MemberView];
  }
  return all.slice(0, count);
}
