/** Makes text from the network (node names, tags, errors) safe to print on a terminal. */

/**
 * Characters that move the cursor, hide or reorder text: control characters (so ESC, too), format characters (bidi,
 * zero width, tags), line separators and lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The text without characters a terminal would act on. Line breaks and tabs become a blank. */
export const sanitize = (text: string): string => text.replace(/\s+/g, ' ').replace(UNSAFE, '');

/** One JSON document on one line. Unsafe characters are escaped, so nothing is lost. */
export const sanitizeJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNSAFE, (found) =>
    Array.from(
      { length: found.length },
      (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
