/** The types of `msgpackr/pack` (the half without native code) do not resolve; they are those of the package. */
declare module 'msgpackr/pack' {
  export { Packr, Unpackr } from 'msgpackr';
}
