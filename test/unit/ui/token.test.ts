import { afterEach, expect, test, vi } from 'vitest';

interface Api {
  callApi(path: string): Promise<Response>;
  onTokenNeeded(ask: () => void): () => void;
  useToken(value: string): void;
}

/** It is checked with the types of a browser, which this file has not. */
const API: string = '../../../src/ui/data/api.ts';
const { callApi, onTokenNeeded, useToken } = (await import(API)) as Api;

afterEach(() => vi.unstubAllGlobals());

/** Answers each request when it is told to. */
function stubFetch(): (() => void)[] {
  const refusals: (() => void)[] = [];
  vi.stubGlobal(
    'fetch',
    () =>
      new Promise<Response>((resolve) => {
        refusals.push(() => resolve(new Response('a token is needed', { status: 403 })));
      }),
  );
  return refusals;
}

test('a refusal that comes after another token was given asks for none', async () => {
  const refusals = stubFetch();
  let asked = 0;
  const end = onTokenNeeded(() => {
    asked += 1;
  });
  const early = ['/v1/first', '/v1/second'].map((path) => callApi(path).catch((error: unknown) => error));
  refusals[0]?.();
  await early[0];
  expect(asked).toBe(1);
  useToken('r'.repeat(32));
  refusals[1]?.();
  expect(await early[1]).toMatchObject({ status: 403 });
  expect(asked).toBe(1);
  const late = callApi('/v1/third').catch((error: unknown) => error);
  refusals[2]?.();
  await late;
  expect(asked).toBe(2);
  end();
  useToken('');
});
