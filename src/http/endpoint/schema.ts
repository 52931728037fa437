/**
 * Schemas of JSON values. Each is declared once and serves filters (what can be selected), `/v1/openapi.json` (what is
 * promised), types (`ValueOf`) and tests (what is kept).
 */

/** Carries the type of the values that a schema describes; it exists at compile time only. */
declare const VALUE: unique symbol;

export type Schema<T = unknown> = Kind & {
  readonly [VALUE]?: T;
  /** May be absent from its object. */
  readonly optional?: true;
  readonly nullable?: true;
  /** Filters cannot select it. */
  readonly hidden?: true;
  /** Its name among the components of the OpenAPI document; without one it is written inline. */
  readonly name?: string;
};

type Kind =
  | { readonly kind: 'string'; readonly oneOf?: readonly string[] }
  | { readonly kind: 'number' | 'boolean' | 'strings' | 'any' }
  /** Any keys, with values of one schema. */
  | { readonly kind: 'map'; readonly of: Schema }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Schema> }
  | { readonly kind: 'list'; readonly of: Schema };

type OptionalSchema<T> = Schema<T> & { readonly optional: true };
type Fields = Readonly<Record<string, Schema>>;

/** The type of the values that a schema describes. */
export type ValueOf<S extends Schema> = S extends Schema<infer T> ? T : never;

/** The type of the objects that have these fields. */
export type ObjectOf<F extends Fields> = {
  readonly [K in keyof F as F[K] extends OptionalSchema<unknown> ? never : K]: ValueOf<F[K]>;
} & {
  readonly [K in keyof F as F[K] extends OptionalSchema<unknown> ? K : never]?: ValueOf<F[K]>;
};

export const string: Schema<string> = { kind: 'string' };
export const number: Schema<number> = { kind: 'number' };
export const boolean: Schema<boolean> = { kind: 'boolean' };
export const strings: Schema<readonly string[]> = { kind: 'strings' };
/** With a fraction. */
export const decimal: Schema<number> = { kind: 'any' };
/** Not described any further. */
export const any: Schema = { kind: 'any' };
export const oneOf = <const W extends string>(...words: readonly W[]): Schema<W> => ({
  kind: 'string',
  oneOf: words,
});
export const recordOf = <T>(of: Schema<T>): Schema<Readonly<Record<string, T>>> => ({ kind: 'map', of });
export const arrayOf = <T>(of: Schema<T>): Schema<readonly T[]> => ({ kind: 'list', of });
export const object = <F extends Fields>(fields: F): Schema<ObjectOf<F>> => ({
  kind: 'object',
  fields: new Map(Object.entries(fields)),
});
export const optionalField = <T>(of: Schema<T>): OptionalSchema<T> => ({ ...of, optional: true });
export const nullable = <T>(of: Schema<T>): Schema<T | null> => ({ ...of, nullable: true });
export const hidden = <T>(of: Schema<T>): Schema<T> => ({ ...of, hidden: true });
export const named = <T>(name: string, of: Schema<T>): Schema<T> => ({ ...of, name });
