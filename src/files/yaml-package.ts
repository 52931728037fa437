/**
 * What we use of the package yaml, which is loaded only when a file is read. It is CommonJS: a bundler gives its names to an
 * `import … from` of a module like this one, and to an `import()` of the package itself none.
 */
export { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
