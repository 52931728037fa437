import { describe, expect, test } from 'vitest';
import { UserEvent } from '../../../src/wire/serf.ts';
import { one } from './one.ts';

const payload = (...octets: number[]): Uint8Array => Uint8Array.of(...octets);

describe('4.6 user events', () => {
  test('4.6 an event that is news moves the event clock and goes on as it came', () => {
    const ann = one();

    ann.event('deploy', 7, payload(1, 2));

    expect(ann.serf.clocks).toEqual({ member: 1, event: 8, query: 1 });
    expect(ann.told('events')).toEqual([
      UserEvent.encode({ ltime: 7, name: 'deploy', payload: payload(1, 2), cc: false }),
    ]);
    expect(ann.told('intents')).toEqual([]);
    expect(ann.told('queries')).toEqual([]);
  });

  test('4.6 the same event again is not news; another name, payload or time is', () => {
    const ann = one();

    ann.event('deploy', 7, payload(1));
    ann.event('deploy', 7, payload(1));
    expect(ann.told('events')).toHaveLength(1);
    ann.event('deploy', 7, payload(2));
    ann.event('other', 7, payload(1));
    ann.event('deploy', 8, payload(1));

    expect(ann.told('events')).toHaveLength(3);
  });

  test('4.6 what is remembered and passed on shares no memory with the packet it came in', () => {
    const ann = one();
    const datagram = UserEvent.encode({ ltime: 7, name: 'deploy', payload: payload(1, 2, 3), cc: false });
    const came = new Uint8Array(datagram);

    ann.receive(datagram);
    datagram.fill(0);

    expect(ann.told('events')).toEqual([came]);
    expect(ann.state().events[0]?.events[0]?.payload).toEqual(payload(1, 2, 3));
  });

  test('4.6 `CC` is no part of what an event is', () => {
    const ann = one();

    ann.event('deploy', 7);
    ann.receive(UserEvent.encode({ ltime: 7, name: 'deploy', payload: payload(), cc: true }));

    expect(ann.told('events')).toHaveLength(1);
  });

  test('4.6 an event more than a buffer behind the clock is too old; one in its last slot is not', () => {
    const ann = one({ config: { eventBuffer: 16 } });
    ann.event('now', 100); // the clock is at 101
    ann.told('events');

    ann.event('old', 84);
    expect(ann.told('events')).toEqual([]);
    ann.event('late', 85);

    expect(ann.told('events')).toHaveLength(1);
  });

  test('4.6 a newer time takes the slot of the one a buffer before', () => {
    const ann = one({ config: { eventBuffer: 16 } });
    ann.event('a', 5);
    ann.event('a', 21);

    expect(ann.state().events.map((bucket) => bucket?.ltime)).toEqual([21]);
    ann.told('events');
    ann.event('a', 21);
    expect(ann.told('events')).toEqual([]);
  });

  test('4.4 an event from the far future is refused, not witnessed and not passed on', () => {
    const ann = one();

    ann.event('deploy', 3 + 2 ** 32);

    expect(ann.serf.clocks.event).toBe(1);
    expect(ann.told('events')).toEqual([]);
    expect(ann.facts()).toEqual([{ kind: 'clockRefused', clock: 'event', ltime: 3 + 2 ** 32, ours: 1 }]);
  });

  test('S29 an event above the hard ceiling of Serf is refused', () => {
    const ann = one();

    expect(() => ann.event('big', 1, new Uint8Array(9300))).toThrowError(
      expect.objectContaining({ code: 'tooLarge' }),
    );
    expect(ann.told('events')).toEqual([]);
  });

  test('S29 a flood at one Lamport time is passed on only up to a limit, and the next time is heard again', () => {
    const ann = one();

    for (let i = 0; i < 1000; i++) ann.event(`e${i}`, 7, new Uint8Array(400));
    const passed = ann.told('events').length;
    ann.event('next', 8);

    expect(passed).toBeGreaterThan(50);
    expect(passed).toBeLessThan(100);
    expect(ann.told('events')).toHaveLength(1);
  });

  test('4.11 what an earlier life has seen is old news; what it has not seen is news', () => {
    const ann = one({ clocks: { member: 4, event: 10, query: 10 } });

    ann.event('seen', 9);
    ann.query(1, 9);
    expect(ann.told('events').length + ann.told('queries').length).toBe(0);
    ann.event('unseen', 10);
    ann.query(1, 10);

    expect(ann.told('events')).toHaveLength(1);
    expect(ann.told('queries')).toHaveLength(1);
    expect(ann.serf.clocks).toEqual({ member: 5, event: 11, query: 11 });
  });
});
