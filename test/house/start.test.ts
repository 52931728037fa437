/**
 * What an agent loads before it answers: memory of every host. What few agents use is imported when it is first needed
 * (docs/performance.md, "Start and memory").
 */
import { expect, test } from 'vitest';
import { NODE_BUNDLE } from '../../contrib/build/bundle.ts';
import { importsOf, src } from './sources.ts';

/** Node's modules that cost the most, packages and rooms that few agents need. */
const LATE = [
  ...[
    'node:tls',
    'node:https',
    'node:http2',
    'node:zlib',
    'msgpackr/pack',
    'multicast-dns',
    'yaml',
    'pino-pretty',
  ],
  ...['src/rpc/server/server.ts', 'src/register/containers/containers.ts', 'src/replay/recorder.ts'],
  ...['src/shell/storage/storage.ts', 'src/shell/net/discovery/discovery.ts', 'src/doctor/examine.ts'],
  ...['src/http/server/tls.ts', 'src/http/endpoint/openapi.ts'],
];

test('an agent that starts loads no TLS, no HTTP/2 and none of the rooms that few agents need', () => {
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    const source = src.find((one) => one.path === path);
    for (const { target, specifier, typeOnly, isDynamic } of source === undefined ? [] : importsOf(source))
      if (!typeOnly && !isDynamic) load(target ?? specifier);
  };
  load('src/cli/commands/agent.ts');
  load('src/main.ts');
  expect(loaded.size).toBeGreaterThan(250);
  expect(LATE.filter((path) => loaded.has(path))).toEqual([]);
});

test('all of them exist, and are loaded somewhere', () => {
  const imported = new Set(src.flatMap(importsOf).map(({ target, specifier }) => target ?? specifier));
  expect(LATE.filter((path) => !imported.has(path))).toEqual([]);
});

test('text that only people read is not kept in memory: programs are built without comments', () => {
  expect(NODE_BUNDLE.minifyWhitespace).toBe(true);
});
