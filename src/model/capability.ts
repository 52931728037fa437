/** How agents with a catalog are told from plain Serf agents. */

/** The tag of agents with a catalog; its value is the version of their messages. */
export const CAPABILITY_TAG = 'hearsay';
export const CAPABILITY = '1';

export const hasCatalog = (tags: ReadonlyMap<string, string>): boolean =>
  tags.get(CAPABILITY_TAG) === CAPABILITY;
