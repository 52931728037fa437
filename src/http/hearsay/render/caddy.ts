/** Caddy: the `upstreams` of a handler `reverse_proxy`, as its admin API takes them. */
import { joinHostPort } from '../../../base/address.ts';
import { arrayOf, object, string, type ValueOf } from '../../endpoint/schema.ts';
import type { ProxyService } from './proxy-service.ts';

export const caddyUpstreamsSchema = arrayOf(object({ dial: string }));

/** An upstream of Caddy has no weight. Source: Caddy JSON structure, http.handlers.reverse_proxy, `upstreams`. */
export const renderCaddy = ({ targets }: ProxyService): ValueOf<typeof caddyUpstreamsSchema> =>
  targets.map(({ address, port }) => ({ dial: joinHostPort(address, port) }));
