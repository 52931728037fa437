import { describe, expect, test } from 'vitest';
import { NEVER } from '../../../src/base/time.ts';
import { Coalescer } from '../../../src/serf/coalescing.ts';
import type { HandlerEvent, MemberChange, SerfMember } from '../../../src/serf/types.ts';

/** Events by second of virtual time, with what was reported and when. */
function gathering(members = { period: 3000, quiescent: 1000 }, user = members) {
  const coalescing = new Coalescer(members, user);
  const told: string[] = [];
  let now = 0;
  const say = (out: HandlerEvent[]): void => {
    for (const news of out) told.push(`${now}: ${words(news)}`);
  };
  /** Lets every tick that is due by `at` happen when it is due. */
  const pass = (at: number): void => {
    while (coalescing.deadline <= at) {
      now = coalescing.deadline;
      const out: HandlerEvent[] = [];
      coalescing.tick(now, out);
      say(out);
    }
    now = at;
  };
  const take = (at: number, news: HandlerEvent): void => {
    pass(at);
    const out: HandlerEvent[] = [];
    coalescing.accept(news, now, out);
    say(out);
  };
  return { take, pass, told, deadline: () => coalescing.deadline };
}

function words(news: HandlerEvent): string {
  if (news.kind === 'members') return `${news.change} ${news.members.map(({ name }) => name).join('+')}`;
  return news.kind === 'user' ? `${news.event.name}@${news.event.ltime}` : news.query.name;
}

const member = (change: MemberChange, name: string): HandlerEvent => ({
  kind: 'members',
  change,
  members: [{ name } as SerfMember],
});
const event = (name: string, ltime: number, coalesce = true): HandlerEvent => ({
  kind: 'user',
  event: { name, ltime, payload: new Uint8Array(0), coalesce },
});

describe('changes of members', () => {
  test('of a burst are reported together, a second after the last', () => {
    const { take, pass, told, deadline } = gathering();
    take(0, member('join', 'ann'));
    take(900, member('join', 'bob'));
    take(1800, member('failed', 'cat'));
    pass(2799);
    expect(told).toEqual([]);
    pass(10_000);
    expect(told).toEqual(['2800: join ann+bob', '2800: failed cat']);
    expect(deadline()).toBe(NEVER);
  });

  test('that never pause are reported every three seconds', () => {
    const { take, pass, told } = gathering();
    for (let at = 0; at < 7000; at += 500) take(at, member('join', `m${at}`));
    pass(20_000);
    expect(told.map((line) => line.split(':')[0])).toEqual(['3000', '6000', '7500']);
  });

  test('of one member are reported as the last of them, and not at all if that was reported before', () => {
    const { take, pass, told } = gathering();
    take(0, member('join', 'ann'));
    take(10, member('failed', 'ann'));
    take(5000, member('join', 'ann'));
    take(5010, member('failed', 'ann'));
    take(9000, member('join', 'ann'));
    pass(20_000);
    expect(told).toEqual(['1010: failed ann', '10000: join ann']);
  });

  test('an update is reported once each time, and hides no join before it', () => {
    const { take, pass, told } = gathering();
    take(0, member('join', 'ann'));
    take(10, member('update', 'ann'));
    take(3000, member('update', 'ann'));
    take(6000, member('update', 'ann'));
    take(9000, member('join', 'bob'));
    pass(20_000);
    expect(told).toEqual(['1010: join ann', '4000: update ann', '7000: update ann', '10000: join bob']);
  });

  test('a reaped member may join as a new one', () => {
    const { take, pass, told } = gathering();
    take(0, member('reap', 'ann'));
    take(5000, member('reap', 'ann'));
    pass(20_000);
    expect(told).toEqual(['1000: reap ann', '6000: reap ann']);
  });
});

describe('user events', () => {
  test('of one name are reported as the newest, all of one time, others in their order', () => {
    const { take, pass, told } = gathering();
    take(0, event('deploy', 5));
    take(100, event('deploy', 7));
    take(150, event('deploy', 7));
    take(200, event('deploy', 6));
    take(300, event('clean', 4));
    pass(10_000);
    expect(told).toEqual(['1300: clean@4', '1300: deploy@7', '1300: deploy@7']);
  });

  test('that may not be coalesced, and queries, are reported at once', () => {
    const { take, told } = gathering();
    take(0, event('deploy', 5, false));
    take(1, event('deploy', 6, false));
    take(2, { kind: 'query', query: { name: 'load' } as never });
    expect(told).toEqual(['0: deploy@5', '1: deploy@6', '2: load']);
  });

  test('a flood is reported early, so that memory is bounded', () => {
    const { take, told } = gathering();
    for (let i = 0; i < 256; i++) take(0, event(`e${i}`, i));
    expect(told).toHaveLength(256);
    for (let i = 0; i < 300; i++) take(1, event('same', 1000));
    expect(told).toHaveLength(512);
  });
});

test.each([
  { period: 0, quiescent: 1000 },
  { period: 3000, quiescent: 0 },
])('a period of 0 turns coalescing off: %o', (off) => {
  const { take, told, deadline } = gathering(off);
  take(0, member('join', 'ann'));
  take(0, event('deploy', 1));
  expect(told).toEqual(['0: join ann', '0: deploy@1']);
  expect(deadline()).toBe(NEVER);
});
