/** Who is asked for its ledger when a peer says that its copies are others than ours (A48). */
import { expect, test } from 'vitest';
import { OwnerPulls } from '../../../../src/agent/replication/owner-pulls.ts';
import { PullQueue } from '../../../../src/agent/replication/pull-queue.ts';
import { type Address, parseAddress } from '../../../../src/base/address.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { Catalog } from '../../../../src/catalog/catalog.ts';

const at = (host: string): Address => parseAddress(`${host}:7946`) as Address;
const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
const MEMBER = at('10.0.0.1');

function open() {
  const catalog = new Catalog({ owner: 'bob', epoch: 5, canOwn: () => true });
  const queue = new PullQueue(200, createRng(1), () => true);
  const catalogPeers = {
    addressOf: (name: string) => at(`10.1.0.${names.indexOf(name)}`),
    isHostOfMember: ({ host }: { readonly host: string }) => host !== '10.9.9.9',
    isOwner: () => true,
  };
  const pulls = new OwnerPulls({ self: 'bob', catalog, catalogPeers }, queue);
  /** Owners that are to be asked once the peer has said so of all of these. */
  const asked = (owners: readonly string[], from = MEMBER, now = 0): number => {
    for (const owner of owners) pulls.handleOtherCopy(owner, from, now);
    return catalog.consumeDoubtful().length;
  };
  return { asked };
}

test('A48 the owner, but not by what no member said, and not ourselves', () => {
  const { asked } = open();
  expect(asked(['n1'])).toBe(1);
  expect(asked(['n2'], at('10.9.9.9'))).toBe(0);
  expect(asked(['bob'])).toBe(0);
});

test('A48 one peer makes us ask 16 owners at once, and then one a second; another is heard meanwhile', () => {
  const { asked } = open();
  expect([asked(names), asked(names), asked(names, MEMBER, 2000)]).toEqual([16, 0, 2]);
  expect(asked(names, at('10.0.0.2'), 2000)).toBe(16);
});
