/** The two halves of a sync of catalogs, each at once. */
import { finish, unlimitedTurn } from '../../src/base/time.ts';
import {
  type AcceptedResponse,
  acceptSyncResponse,
  answerSyncRequest,
  type PreparedResponse,
  type SyncRequestBody,
  type SyncResponseBody,
} from '../../src/catalog/anti-entropy.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { ApplyResult } from '../../src/catalog/types.ts';

export const answerRequest = (catalog: Catalog, request: SyncRequestBody, now = 0): PreparedResponse =>
  finish(answerSyncRequest(catalog, request, unlimitedTurn(now), (owner) => catalog.doubts.demand(owner)));

export const acceptResponse = (
  catalog: Catalog,
  response: SyncResponseBody,
  now = 0,
  onApplied: (applied: ApplyResult) => void = () => {},
): AcceptedResponse =>
  finish(
    acceptSyncResponse(
      catalog,
      response,
      unlimitedTurn(now),
      (delta) => {
        const applied = catalog.apply(delta, now);
        onApplied(applied);
        return applied;
      },
      (owner) => catalog.doubts.demand(owner),
    ),
  );
