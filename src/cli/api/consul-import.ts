/** What a Consul has, as external nodes of the agent: sends what has changed, and removes what is gone. */
import * as v from 'valibot';
import { type Client, HttpStatusError } from './client.ts';
import type { ConsulCatalog, ConsulCatalogNode } from './consul-catalog.ts';
import { parseResponse } from './schemas.ts';

/** Marks what was imported, so that a later import removes what has gone meanwhile. */
const MARK = { key: 'imported-from', value: 'consul' } as const;
/** Consul's servers under their own service, and the health of its agents, which are no agents here. */
const OWN_SERVICE = 'consul';
const NODE_HEALTH = 'serfHealth';

const MembersSchema = v.array(v.looseObject({ name: v.string(), status: v.string() }));
const NodesSchema = v.array(v.looseObject({ Node: v.string() }));

export interface ImportReport {
  readonly imported: string[];
  readonly services: number;
  readonly skipped: { readonly node: string; readonly reason: string }[];
  readonly removed: string[];
  readonly failed: { readonly node: string; readonly error: string }[];
}

export class ConsulImport {
  readonly #client: Client;
  /** By node: the requests that were sent last. */
  readonly #sent = new Map<string, string>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Throws if the agent does not answer. */
  async apply(catalog: ConsulCatalog): Promise<ImportReport> {
    const report = { imported: [], services: 0, skipped: [], removed: [], failed: [] } as {
      -readonly [K in keyof ImportReport]: ImportReport[K];
    };
    const members = await this.#members();
    const held = await this.#imported();
    const isHeld = new Set(held.map((name) => name.toLowerCase()));
    const wanted = new Set<string>();
    for (const one of catalog.nodes) {
      const name = one.node.Node;
      if (members.has(name.toLowerCase())) {
        report.skipped.push({ node: name, reason: 'it is a member, which registers its own services' });
        continue;
      }
      wanted.add(name.toLowerCase());
      const requests = toRequests(one);
      const text = JSON.stringify(requests);
      // The agent may have lost it since: it restarted, or somebody deregistered the node.
      if (this.#sent.get(name) === text && isHeld.has(name.toLowerCase())) continue;
      const error = await this.#sendAll(name, requests);
      if (error !== undefined) report.failed.push({ node: name, error });
      else {
        this.#sent.set(name, text);
        report.imported.push(name);
        report.services += requests.filter((request) => 'Service' in request).length;
      }
    }
    for (const name of held) {
      if (wanted.has(name.toLowerCase())) continue;
      this.#sent.delete(name);
      const error = await this.#put('/v1/catalog/deregister', { Node: name });
      if (error === undefined) report.removed.push(name);
      else report.failed.push({ node: name, error });
    }
    return report;
  }

  /** The node begins anew: a service that Consul no longer has must not stay. */
  async #sendAll(node: string, requests: readonly object[]): Promise<string | undefined> {
    const gone = await this.#goneServices(node, requests);
    for (const request of requests) {
      const error = await this.#put('/v1/catalog/register', request);
      if (error !== undefined) return error;
    }
    for (const ServiceID of gone) {
      const error = await this.#put('/v1/catalog/deregister', { Node: node, ServiceID });
      if (error !== undefined) return error;
    }
    return undefined;
  }

  async #goneServices(node: string, requests: readonly object[]): Promise<string[]> {
    const held = await this.#client.get(`/v1/catalog/node/${encodeURIComponent(node)}`);
    const ids = new Set(
      requests.map((request) => ('Service' in request ? (request.Service as { ID: string }).ID : '')),
    );
    const schema = v.nullish(v.looseObject({ Services: v.record(v.string(), v.unknown()) }));
    return Object.keys(parseResponse(schema, held, this.#client)?.Services ?? {}).filter(
      (id) => !ids.has(id),
    );
  }

  /** Resolves to the error if the agent refuses the request. */
  async #put(path: string, body: object): Promise<string | undefined> {
    try {
      await this.#client.put(path, body);
      return undefined;
    } catch (error) {
      if (error instanceof HttpStatusError) return error.message;
      throw error;
    }
  }

  async #members(): Promise<ReadonlySet<string>> {
    const members = parseResponse(MembersSchema, await this.#client.get('/v1/hearsay/members'), this.#client);
    return new Set(members.filter(({ status }) => status !== 'left').map(({ name }) => name.toLowerCase()));
  }

  async #imported(): Promise<readonly string[]> {
    const path = `/v1/catalog/nodes?node-meta=${MARK.key}:${MARK.value}`;
    return parseResponse(NodesSchema, await this.#client.get(path), this.#client).map(({ Node }) => Node);
  }
}

/** One request for each service with its checks, the first one with those of the node; one for a node without any. */
export function toRequests({ node, services, checks }: ConsulCatalogNode): readonly object[] {
  const base = {
    Node: node.Node,
    Address: node.Address,
    TaggedAddresses: node.TaggedAddresses ?? {},
    NodeMeta: { ...withoutReserved(node.Meta ?? {}), [MARK.key]: MARK.value },
  };
  const own = services.filter(({ Service }) => Service !== OWN_SERVICE);
  const of = (id: string): unknown[] =>
    checks.filter(({ CheckID, ServiceID }) => CheckID !== NODE_HEALTH && ServiceID === id).map(toCheck);
  const nodeChecks = of('');
  if (own.length === 0) return [{ ...base, Checks: nodeChecks }];
  return own.map(({ CreateIndex: _, ModifyIndex: __, ...Service }, i) => ({
    ...base,
    Service,
    Checks: [...(i === 0 ? nodeChecks : []), ...of(Service.ID)],
  }));
}

/** Consul keeps keys that begin so for itself. */
const withoutReserved = (meta: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(meta).filter(([key]) => !key.startsWith('consul-')));

/** What a check runs is known only if Consul's catalog says so; else its status is taken. */
const toCheck = (check: ConsulCatalogNode['checks'][number]): unknown => ({
  CheckID: check.CheckID,
  Name: check['Name'] || check.CheckID,
  Notes: check['Notes'],
  Status: check.Status,
  Output: check['Output'],
  ServiceID: check.ServiceID,
  Definition: check['Definition'],
});
