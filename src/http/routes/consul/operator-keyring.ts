/**
 * `/v1/operator/keyring`: the gossip keys of all members, for Consul's clients. They name keys in base64, and get them so: a
 * read needs the scope operator, as the writes do.
 *
 * Source: Consul HTTP API, "Keyring"; agent/operator_endpoint.go, OperatorKeyringEndpoint.
 */
import * as v from 'valibot';
import type { KeyOperation, KeyOperationReport } from '../../../agent/contract/commands.ts';
import { AgentError } from '../../../base/errors.ts';
import { formatKey } from '../../../wire/crypt.ts';
import { flagParam, type ParamParser } from '../../endpoint/query.ts';
import { type Route, route } from '../../endpoint/route.ts';
import { arrayOf, boolean, number, object, recordOf, string } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { findGossipKey, runKeyOperation } from '../../hearsay/gossip-keys.ts';

/** Responses reach us by several ways already, so the factor is only validated. */
const relayFactorParam: ParamParser<number> = ([value = '0']) => {
  if (!/^[0-5]$/.test(value))
    throw new AgentError('badRequest', 'Error parsing relay factor: it must be 0 to 5');
  return Number(value);
};

/** `GET /v1/operator/keyring`: one entry, for the members of this cluster; there is no WAN pool. */
export const operatorKeyringList = route({
  method: 'GET',
  scope: 'operator',
  path: '/v1/operator/keyring',
  summary: 'The gossip keys of all members, in base64, with how many have each',
  query: { 'relay-factor': relayFactorParam, 'local-only': flagParam },
  responseSchema: arrayOf(
    object({
      WAN: boolean,
      Datacenter: string,
      Segment: string,
      Messages: recordOf(string),
      Keys: recordOf(number),
      PrimaryKeys: recordOf(number),
      NumNodes: number,
    }),
  ),
  handler: async ({ site, onDisconnect }) => {
    const report = requireSuccess(await runKeyOperation('list', undefined, site, onDisconnect));
    return [
      {
        WAN: false,
        Datacenter: site.info.datacenter,
        Segment: '',
        Messages: Object.fromEntries(report.messages),
        Keys: toBase64Keys(report.keys, site),
        PrimaryKeys: toBase64Keys(report.primaries, site),
        NumNodes: report.members,
      },
    ];
  },
});

export const operatorKeyringInstall = writeRoute('POST', 'install', 'Install a gossip key at all members');
export const operatorKeyringUse = writeRoute('PUT', 'use', 'Make all members encrypt with a gossip key');
export const operatorKeyringRemove = writeRoute('DELETE', 'remove', 'Remove a gossip key from all members');

function writeRoute(method: 'POST' | 'PUT' | 'DELETE', operation: KeyOperation, summary: string): Route {
  return route({
    method,
    scope: 'operator',
    path: '/v1/operator/keyring',
    summary,
    query: { 'relay-factor': relayFactorParam, 'local-only': flagParam },
    requestSchema: object({ Key: string }),
    body: v.object({ Key: v.optional(v.string(), '') }),
    handler: async ({ body, query, site, onDisconnect }) => {
      if (query['local-only'])
        throw new AgentError('badRequest', 'Unexpected parameter local-only: it is for GET only');
      const key = findGossipKey(body.Key, site);
      requireSuccess(await runKeyOperation(operation, key, site, onDisconnect));
    },
  });
}

/** Throws what members said, or that they were silent. Source: Consul agent/operator_endpoint.go, keyringErrorsOrNil. */
function requireSuccess(report: KeyOperationReport): KeyOperationReport {
  const { refusal, unresponsive, errors, operation } = report;
  if (refusal !== undefined)
    throw new AgentError(
      'conflict',
      refusal.replace(', or use --force', ', or use `hearsay keys` with --force'),
    );
  const silent = report.finished
    ? unresponsive.map((name) => `${name}: no answer`)
    : ['it was not finished in time'];
  const failures = [...[...errors].map(([name, error]) => `${name}: ${error}`), ...silent];
  if (failures.length === 0) return report;
  throw new AgentError('failed', `keys ${operation}: ${failures.slice(0, MAX_NAMED).join('; ')}`);
}

const MAX_NAMED = 8;

/** A key that only its fingerprint is known of keeps that. */
const toBase64Keys = (counts: ReadonlyMap<string, number>, { agent }: Site): Record<string, number> =>
  Object.fromEntries(
    [...counts].map(([name, count]) => {
      const key = agent.view.gossipKey(name);
      return [key === undefined ? name : formatKey(key), count];
    }),
  );
