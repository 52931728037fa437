/** Planted bugs that readers over HTTP would meet. */
import type { Mutant } from '../mutant.ts';

export const httpMutants: readonly Mutant[] = [
  {
    id: 'http-event-index-shared',
    file: 'agent/readers/topic-indexes.ts',
    find: 'if (!isEventTopic(topic)) this.#indexes.set(topic, this.#index);',
    replace: 'this.#indexes.set(topic, this.#index);',
    description:
      'The index of a list of events is not that of its last one, so a watch hands on old events again.',
    expectedTests: ['unit/http/whole.test.ts'],
  },
  {
    id: 'http-deregister-unsaved',
    file: 'http/routes/consul/catalog-writes.ts',
    find: "await change({ kind: 'deregisterNode', node, ...what, ...(anyOwner",
    replace:
      "if (view.catalog.externalNode(node)) await change({ kind: 'deregisterNode', node, ...what, ...(anyOwner",
    description: 'A repeated catalog/deregister is answered while the removal is not stored yet.',
    expectedTests: ['unit/http/routes/consul/catalog-writes.test.ts'],
  },
  {
    id: 'http-scope-header-cached',
    file: 'http/server/request-handler.ts',
    find: "incoming.method === 'GET' && !namesScope(incoming)",
    replace: "incoming.method === 'GET'",
    description: 'A request for another namespace is answered from the cache, with the default one.',
    expectedTests: ['unit/http/routes/consul/catalog.test.ts'],
  },
  {
    id: 'http-metrics-count-fraction',
    file: 'http/endpoint/metrics-format.ts',
    find: 'Count: Math.trunc(value), Sum: value',
    replace: 'Count: value, Sum: value',
    description: "A counter has a fraction, over which Go's clients lose the whole reply.",
    expectedTests: ['unit/http/whole.test.ts'],
  },
  {
    id: 'http-ui-framed',
    file: 'http/endpoint/reply/ui-files.ts',
    find: "frame-ancestors 'none'",
    replace: 'frame-ancestors *',
    description: 'A page of another site can show the dashboard in a frame, and lead clicks to its buttons.',
    expectedTests: ['unit/http/routes/dashboard.test.ts'],
  },
  {
    id: 'http-banner-redirects-programs',
    file: 'http/routes/dashboard.ts',
    find: "acceptsHtml(header('accept') ?? '')",
    replace: "header('accept') !== undefined",
    description: 'A load balancer that probes / is sent to the dashboard.',
    expectedTests: ['unit/http/routes/dashboard.test.ts'],
  },
  {
    id: 'http-ui-half-cluster',
    file: 'ui/data/intake.ts',
    find: 'if (!this.#syncing) this.#cluster',
    replace: 'this.#cluster',
    description: 'While everything is sent again, nodes seem to vanish from the dashboard.',
    expectedTests: ['unit/ui/data.test.ts'],
  },
  {
    id: 'http-render-emptied',
    file: 'http/hearsay/render/proxy-service.ts',
    find: "view.partitionSummary().kind === 'partition'",
    replace: "view.partitionSummary().kind === 'whole'",
    description: 'A partition empties the list of a proxy, which serves nobody then.',
    expectedTests: ['unit/http/routes/hearsay/render.test.ts'],
  },
  {
    id: 'http-render-long-dead',
    file: 'http/endpoint/reply/kept-lists.ts',
    find: 'lostAt >= last - LOST_TOGETHER',
    replace: 'lostAt <= last',
    description: 'A partition brings back instances that died long before it.',
    expectedTests: ['unit/http/endpoint/reply/kept-lists.test.ts'],
  },
  {
    id: 'http-envoy-sent-again',
    file: 'http/routes/hearsay/render.ts',
    find: 'sent: createEtag(body.version)',
    replace: 'sent: undefined',
    description: 'Envoy is sent the same endpoints again each second, and takes each for an update.',
    expectedTests: ['unit/http/routes/hearsay/render.test.ts'],
  },
];
