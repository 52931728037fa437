/** A row of the fact table: what the journal does with one kind of fact. */

/** `rateLimited`: a remote peer can cause any number of these. One line in ten seconds is a warning, the rest is debug. */
export type FactLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'rateLimited';
/** The part of the agent that a log line comes from. */
export type Component =
  | 'swim'
  | 'serf'
  | 'checks'
  | 'jobs'
  | 'agent'
  | 'net'
  | 'storage'
  | 'handlers'
  | 'http'
  | 'rpc'
  | 'containers';
/** What a fact is worth may depend on its values. */
type LevelOf<F> = FactLevel | ((fact: F) => FactLevel);
/** Only the fields named in a row are ever logged. */
type Fields<F> = readonly Exclude<keyof F, 'kind'>[];
export type FactRow<F> = readonly [
  component: Component,
  level: LevelOf<F>,
  message: string,
  counter: string,
  fields: Fields<F>,
];
/** A row for each kind of `F`: a fact without one does not compile. */
export type FactRows<F extends { readonly kind: string }> = {
  readonly [K in F['kind']]: FactRow<Extract<F, { readonly kind: K }>>;
};
