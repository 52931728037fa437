/** What strangers wrote, made safe to print: node names, tags and errors come from the network. */

/**
 * Controls (C0, DEL, C1, so ESC too), format characters (bidi, zero width, tags), line separators, lone
 * surrogates: whatever moves the cursor, hides or reorders text.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Without anything a terminal would act on. Line breaks and tabs become a blank. */
export const sanitize = (foreign: string): string => foreign.replace(/\s+/g, ' ').replace(UNSAFE, '');

/** One JSON document of one line; unsafe characters are escaped, so nothing is lost and nothing is acted on. */
export const sanitizeJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNSAFE, (found) =>
    Array.from(
      { length: found.length },
      (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
