/** Services that nobody has registered: most often the name has a typing error. */
import { suggestSimilar } from '../../config/names.ts';
import type { Client } from '../api/client.ts';
import { CatalogServicesSchema, parseResponse } from '../api/schemas.ts';

/** A sentence for each of `names`, with what may be meant. */
export async function describeUnknownServices(
  client: Client,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const known = await listServices(client);
  return names.map((name) => {
    const meant = suggestSimilar(name, known);
    return `nobody has registered a service "${name}"${
      meant === undefined ? ': its instances will be used when they come' : `: did you mean ${meant}?`
    }`;
  });
}

/** Empty if the agent does not say: a warning without a suggestion is still one. */
const listServices = async (client: Client): Promise<readonly string[]> =>
  client
    .get('/v1/catalog/services', 'quick')
    .then((body) => Object.keys(parseResponse(CatalogServicesSchema, body, client)))
    .catch(() => []);
