/** User events as people and scripts see them: payloads as text. */

import type { Watch } from '../output/diff.ts';
import type { Client } from './client.ts';
import { ConsulEventsSchema, parseResponse } from './schemas.ts';

export interface UserEventRow {
  readonly id: string;
  readonly name: string;
  readonly payload: string;
  readonly ltime: number;
}

/** Events only come: one that is no longer in the agent's list is no change. */
export const watchUserEvents = (client: Client): Watch<UserEventRow> => ({
  rows: (state) =>
    new Map(
      parseResponse(ConsulEventsSchema, state, client).map(
        ({ ID: id, Name: name, Payload, LTime: ltime }) => [
          id,
          { id, name, payload: decodeBase64Text(Payload), ltime },
        ],
      ),
    ),
  event: (_, after) => (after === undefined ? '' : 'event'),
  cells: ({ name, payload }) => [name, payload],
});

/** Text of base64; what is no UTF-8 becomes U+FFFD. */
export const decodeBase64Text = (base64: string | null | undefined): string =>
  Buffer.from(base64 ?? '', 'base64').toString('utf8');
