/**
 * How the shape of a JSON value is declared: once, for filters (what may be selected), for `/v1/openapi.json` (what is
 * promised), and for tests (what is kept).
 */

export type Schema = Kind & {
  /** May be left out of its object. */
  readonly optional?: true;
  readonly nullable?: true;
  /** No filter may select it. */
  readonly hidden?: true;
  /** Under which it is listed in the OpenAPI document; absent: it is written where it stands. */
  readonly name?: string;
};

type Kind =
  | { readonly kind: 'text'; readonly oneOf?: readonly string[] }
  | { readonly kind: 'number' | 'flag' | 'texts' | 'any' }
  /** Any keys, all to the same. */
  | { readonly kind: 'map'; readonly of: Schema }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Schema> }
  | { readonly kind: 'list'; readonly of: Schema };

export const string: Schema = { kind: 'text' };
export const number: Schema = { kind: 'number' };
export const boolean: Schema = { kind: 'flag' };
export const strings: Schema = { kind: 'texts' };
/** Not described any further. */
export const any: Schema = { kind: 'any' };
export const oneOf = (...words: string[]): Schema => ({ kind: 'text', oneOf: words });
export const recordOf = (of: Schema): Schema => ({ kind: 'map', of });
export const arrayOf = (of: Schema): Schema => ({ kind: 'list', of });
export const object = (fields: Readonly<Record<string, Schema>>): Schema => ({
  kind: 'object',
  fields: new Map(Object.entries(fields)),
});
export const optionalField = (of: Schema): Schema => ({ ...of, optional: true });
export const nullable = (of: Schema): Schema => ({ ...of, nullable: true });
export const hidden = (of: Schema): Schema => ({ ...of, hidden: true });
export const named = (name: string, of: Schema): Schema => ({ ...of, name });
