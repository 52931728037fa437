/** What an engine says is read with suspicion: any JSON is a container that keeps its types, or is refused. */
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import {
  idInHead,
  parseEvent,
  parseInspected,
  parseListed,
} from '../../../../src/register/containers/container.ts';
import { ID, inspection, listed } from './values.ts';

/** The value of a call, or `undefined` if it throws an `Error`; other throws fail. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return undefined;
  }
}

/** A well-formed value in which some field, at any depth, is replaced by any JSON. */
const spoiled = (value: object): fc.Arbitrary<object> => {
  const keys = Object.keys(value);
  return fc.tuple(fc.constantFrom(...keys), fc.jsonValue(), fc.boolean()).chain(([key, junk, goesDeeper]) => {
    const inner = (value as Record<string, unknown>)[key];
    const isObject = typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0;
    const field: fc.Arbitrary<unknown> = goesDeeper && isObject ? spoiled(inner) : fc.constant(junk);
    return field.map((changed) => ({ ...value, [key]: changed }));
  });
};

const DRAFT = {
  labels: { a: 'b' },
  env: ['A=b'],
  ports: { '80/tcp': [['0.0.0.0', 80]] },
  networks: { back: '10.0.0.1' },
  state: { Health: { Status: 'healthy', Log: [{ Output: 'x' }] } },
} as const;

describe('whatever an engine says', () => {
  property.prop([fc.oneof(spoiled(inspection(DRAFT)), fc.object())])(
    'an inspection keeps its types',
    (body) => {
      const found = attempt(() => parseInspected(JSON.stringify(body), ID));
      if (found === undefined) return;
      expect(found.name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/);
      for (const text of [...found.labels.values(), ...found.env.values(), ...found.networks.values()])
        expect(typeof text).toBe('string');
      for (const { port, published } of found.ports)
        for (const number of [port, ...published.map(({ hostPort }) => hostPort)])
          expect(Number.isInteger(number) && number >= 1 && number <= 65_535).toBe(true);
      expect(['running', 'paused', 'restarting', 'ended']).toContain(found.state.kind);
      expect(Number.isInteger(found.state.exitCode)).toBe(true);
    },
  );

  property.prop([fc.oneof(spoiled(listed(DRAFT)), fc.object())])('a row has an ID', (row) => {
    const found = attempt(() => parseListed(JSON.stringify(row)));
    if (found !== undefined) expect(found.id).toMatch(/^[0-9a-f]{12,}$/);
  });

  const event = {
    Type: 'container',
    Action: 'die',
    Actor: { ID, Attributes: { exitCode: '137', container: ID } },
  };
  property.prop([fc.oneof(spoiled(event), fc.object())])(
    'an event has an ID and a code that is one',
    (said) => {
      const found = attempt(() => parseEvent(JSON.stringify(said)));
      if (found === undefined) return;
      expect(found.id).toMatch(/^[0-9a-f]{12,}$/);
      if (found.exitCode !== undefined) expect(found.exitCode).toBeLessThan(1000);
    },
  );
});

describe('events', () => {
  const told = (change: object) =>
    parseEvent(JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID }, ...change }));

  test('of Docker and of Podman are those that registrations depend on', () => {
    expect(told({})).toEqual({ id: ID, action: 'start', exitCode: undefined });
    const Attributes = { containerExitCode: '137' };
    expect(told({ Action: 'died', Actor: { ID, Attributes } })).toMatchObject({
      action: 'die',
      exitCode: 137,
    });
    expect(told({ Action: 'health_status: unhealthy' })).toBeDefined();
    const connected = {
      Type: 'network',
      Action: 'connect',
      Actor: { ID: 'x', Attributes: { container: ID } },
    };
    expect(told(connected)).toMatchObject({ id: ID });
  });

  test.each(['exec_create: sh', 'exec_start: sh', 'exec_die', 'attach', 'top', 'create', 'kill'])(
    'of no consequence are passed over: %s',
    (Action) => {
      expect(told({ Action })).toBeUndefined();
    },
  );
});

test('the ID of a row that is too large is in its beginning', () => {
  expect(idInHead(`{"Id":"${ID}","Labels":{"a":"xx`)).toBe(ID);
  expect(idInHead('{"Labels":{')).toBeUndefined();
});
