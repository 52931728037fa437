/** User events as people and scripts see them: payloads as text. */

import type { Watched } from '../output/diff.ts';
import type { Client } from './client.ts';
import { shaped, UserEvents } from './schemas.ts';

export interface HeardEvent {
  readonly id: string;
  readonly name: string;
  readonly payload: string;
  readonly ltime: number;
}

/** Events only come: one that is no longer in the agent's list is no change. */
export const eventsOf = (client: Client): Watched<HeardEvent> => ({
  rows: (state) =>
    new Map(
      shaped(UserEvents, state, client).map(({ ID: id, Name: name, Payload, LTime: ltime }) => [
        id,
        { id, name, payload: textOf(Payload), ltime },
      ]),
    ),
  event: (_, after) => (after === undefined ? '' : 'event'),
  words: ({ name, payload }) => [name, payload],
});

/** Text of base64; what is no UTF-8 becomes U+FFFD. */
export const textOf = (base64: string | null | undefined): string =>
  Buffer.from(base64 ?? '', 'base64').toString('utf8');
