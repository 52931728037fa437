import { describe, expect, test } from 'vitest';
import { UserEvent } from '../../../src/wire/serf.ts';
import { one } from './one.ts';

const payload = (...octets: number[]): Uint8Array => Uint8Array.of(...octets);

describe('P51 user events', () => {
  test('P51 a new event moves the event clock and is broadcast as received', () => {
    const ann = one();

    ann.event('deploy', 7, payload(1, 2));

    expect(ann.serf.clocks).toEqual({ member: 1, event: 8, query: 1 });
    expect(ann.takeBroadcasts('events')).toEqual([
      UserEvent.encode({ ltime: 7, name: 'deploy', payload: payload(1, 2), cc: false }),
    ]);
    expect(ann.takeBroadcasts('intents')).toEqual([]);
    expect(ann.takeBroadcasts('queries')).toEqual([]);
  });

  test('P51 a duplicate is ignored; an event with another name, payload or time is new', () => {
    const ann = one();

    ann.event('deploy', 7, payload(1));
    ann.event('deploy', 7, payload(1));
    expect(ann.takeBroadcasts('events')).toHaveLength(1);
    ann.event('deploy', 7, payload(2));
    ann.event('other', 7, payload(1));
    ann.event('deploy', 8, payload(1));

    expect(ann.takeBroadcasts('events')).toHaveLength(3);
  });

  test('P51 events held and broadcast share no memory with their packet', () => {
    const ann = one();
    const datagram = UserEvent.encode({ ltime: 7, name: 'deploy', payload: payload(1, 2, 3), cc: false });
    const came = new Uint8Array(datagram);

    ann.receive(datagram);
    datagram.fill(0);

    expect(ann.takeBroadcasts('events')).toEqual([came]);
    expect(ann.state().events[0]?.events[0]?.payload).toEqual(payload(1, 2, 3));
  });

  test('P51 `CC` does not distinguish events', () => {
    const ann = one();

    ann.event('deploy', 7);
    ann.receive(UserEvent.encode({ ltime: 7, name: 'deploy', payload: payload(), cc: true }));

    expect(ann.takeBroadcasts('events')).toHaveLength(1);
  });

  test('P51 an event more than a buffer behind the clock is too old; one in its last slot is not', () => {
    const ann = one({ config: { eventBuffer: 16 } });
    ann.event('now', 100); // the clock is at 101
    ann.takeBroadcasts('events');

    ann.event('old', 84);
    expect(ann.takeBroadcasts('events')).toEqual([]);
    ann.event('late', 85);

    expect(ann.takeBroadcasts('events')).toHaveLength(1);
  });

  test('P51 a newer time takes the slot of the one a buffer before', () => {
    const ann = one({ config: { eventBuffer: 16 } });
    ann.event('a', 5);
    ann.event('a', 21);

    expect(ann.state().events.map((bucket) => bucket?.ltime)).toEqual([21]);
    ann.takeBroadcasts('events');
    ann.event('a', 21);
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('P42 an event with a time far ahead is refused, not witnessed and not broadcast', () => {
    const ann = one();

    ann.event('deploy', 3 + 2 ** 32);

    expect(ann.serf.clocks.event).toBe(1);
    expect(ann.takeBroadcasts('events')).toEqual([]);
    expect(ann.facts()).toEqual([
      { kind: 'lamportTimeRefused', clock: 'event', ltime: 3 + 2 ** 32, local: 1 },
    ]);
  });

  test("S29 an event above Serf's hard limit is refused", () => {
    const ann = one();

    expect(() => ann.event('big', 1, new Uint8Array(9300))).toThrowError(
      expect.objectContaining({ code: 'tooLarge' }),
    );
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('S29 a flood at one Lamport time is broadcast only up to a limit, and the next time is accepted again', () => {
    const ann = one();

    for (let i = 0; i < 1000; i++) ann.event(`e${i}`, 7, new Uint8Array(400));
    const passed = ann.takeBroadcasts('events').length;
    ann.event('next', 8);

    expect(passed).toBeGreaterThan(50);
    expect(passed).toBeLessThan(100);
    expect(ann.takeBroadcasts('events')).toHaveLength(1);
  });

  test('P42 the clocks that were saved are the ones that are restored, however often', () => {
    const clocks = { member: 4, event: 10, query: 1 };
    expect(one({ clocks }).serf.clocks).toEqual(clocks);
    expect(one({ clocks: one({ clocks }).serf.clocks }).serf.clocks).toEqual(clocks);
    expect(one({ clocks: { member: 0, event: 0, query: 0 } }).serf.clocks).toEqual({
      ...{ member: 1, event: 1, query: 1 },
    });
  });

  test('P51 events seen before a restart are ignored; others are new', () => {
    const ann = one({ clocks: { member: 4, event: 10, query: 10 } });

    ann.event('seen', 9);
    ann.query(1, 9);
    expect(ann.takeBroadcasts('events').length + ann.takeBroadcasts('queries').length).toBe(0);
    ann.event('unseen', 10);
    ann.query(1, 10);

    expect(ann.takeBroadcasts('events')).toHaveLength(1);
    expect(ann.takeBroadcasts('queries')).toHaveLength(1);
    expect(ann.serf.clocks).toEqual({ member: 4, event: 11, query: 11 });
  });
});

describe('P51 firing and receiving', () => {
  test('P51 an event of ours gets a time, is delivered here, and is broadcast', () => {
    const ann = one();
    ann.event('earlier', 7);
    ann.takeBroadcasts('events');

    const fired = ann.serf.fire({ name: 'deploy', payload: payload(1, 2), coalesce: true }, ann.out);

    expect(fired).toEqual({ ltime: 8, name: 'deploy', payload: payload(1, 2), coalesce: true });
    expect(ann.takeMessages('events')).toEqual([
      { kind: 'userEvent', ltime: 8, name: 'deploy', payload: payload(1, 2), cc: true },
    ]);
    expect(ann.serf.clocks.event).toBe(9);
    expect(ann.serf.recentEvents.map(({ name }) => name)).toEqual(['earlier', 'deploy']);
  });

  test('P51 our own event that comes back is a duplicate', () => {
    const ann = one();
    ann.serf.fire({ name: 'deploy', payload: payload(), coalesce: false }, ann.out);
    const [body] = ann.takeBroadcasts('events');

    ann.receive(body as Uint8Array);

    expect(ann.serf.recentEvents).toHaveLength(1);
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('P51 S29 name and payload above 512 bytes are refused, and the clock stands still', () => {
    const ann = one();

    expect(() =>
      ann.serf.fire({ name: 'deploy', payload: new Uint8Array(507), coalesce: false }, ann.out),
    ).toThrowError(expect.objectContaining({ code: 'tooLarge' }));
    expect(() => ann.serf.fire({ name: '', payload: payload(), coalesce: false }, ann.out)).toThrowError(
      expect.objectContaining({ code: 'badRequest' }),
    );
    expect(ann.serf.clocks.event).toBe(1);
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('P51 the message itself stays within the limit too: 470 bytes of payload pass, as with real agents', () => {
    const ann = one();

    ann.serf.fire({ name: 'a', payload: new Uint8Array(470), coalesce: false }, ann.out);

    expect((ann.takeBroadcasts('events')[0] as Uint8Array).length).toBeLessThanOrEqual(512);
  });

  test('P50 an event in a push/pull is delivered here once, and not broadcast', () => {
    const ann = one();
    const bob = one();
    bob.serf.fire({ name: 'deploy', payload: payload(1), coalesce: false }, bob.out);

    ann.serf.mergeRemoteState(bob.serf.localState(), false, 0, ann.out);
    ann.serf.mergeRemoteState(bob.serf.localState(), false, 0, ann.out);

    expect(ann.serf.recentEvents.map(({ name }) => name)).toEqual(['deploy']);
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('P52 events from before the join are ignored, and so are those seen before a restart', () => {
    const bob = one();
    bob.serf.fire({ name: 'old', payload: payload(), coalesce: false }, bob.out);
    const ann = one();

    ann.serf.mergeRemoteState(bob.serf.localState(), true, 0, ann.out);
    expect(ann.serf.recentEvents).toEqual([]);
    bob.serf.fire({ name: 'new', payload: payload(), coalesce: false }, bob.out);
    ann.serf.mergeRemoteState(bob.serf.localState(), false, 0, ann.out);
    expect(ann.serf.recentEvents.map(({ name }) => name)).toEqual(['new']);

    const reborn = one({ clocks: ann.serf.clocks });
    reborn.serf.mergeRemoteState(bob.serf.localState(), false, 0, reborn.out);
    expect(reborn.serf.recentEvents).toEqual([]);
  });

  test('P51 the last 256 are kept for readers, and each is reported with the one it replaced', () => {
    const ann = one();
    for (let i = 1; i <= 300; i++) ann.event(`e${i}`, i);

    expect(ann.serf.recentEvents).toHaveLength(256);
    expect(ann.serf.recentEvents[0]?.name).toBe('e45');
    const last = ann.out.filter((effect) => effect.kind === 'userEvent').at(-1);
    expect(last).toMatchObject({ event: { name: 'e300' }, dropped: { name: 'e44' } });
  });

  test('S29 a source of more events than an honest peer forwards is limited; other sources are not', () => {
    const ann = one();
    const flood = (from: string, count: number, first: number): void => {
      for (let i = 0; i < count; i++) {
        const event = { name: `${from}${i}`, ltime: first + i, payload: payload(), cc: false };
        ann.serf.receive(UserEvent.encode(event), ann.now, ann.out, from);
      }
    };

    flood('eve', 5000, 1);
    expect(ann.takeBroadcasts('events')).toHaveLength(1000);
    expect(ann.facts().filter(({ kind }) => kind === 'eventsRateLimited')).toEqual([
      { kind: 'eventsRateLimited', from: 'eve' },
    ]);
    flood('bob', 10, 5001);
    expect(ann.takeBroadcasts('events')).toHaveLength(10);
    ann.now += 1000;
    flood('eve', 300, 5100);
    expect(ann.takeBroadcasts('events')).toHaveLength(200);
  });
});
