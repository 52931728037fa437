/** User events with their payloads as text. */
import type { Watch } from '../output/diff.ts';
import type { Client } from './client.ts';
import { ConsulEventsSchema, parseResponse } from './schemas.ts';

export interface UserEventRow {
  readonly id: string;
  readonly name: string;
  readonly payload: string;
  readonly ltime: number;
}

/** Watches new events. An event that leaves the agent's buffer is not a change. */
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

/** Text of base64; invalid UTF-8 becomes U+FFFD. */
export const decodeBase64Text = (base64: string | null | undefined): string =>
  Buffer.from(base64 ?? '', 'base64').toString('utf8');
