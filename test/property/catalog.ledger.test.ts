/**
 * Properties of ledgers over histories of writes, removals, late rumors, stale deltas, reaped tombstones and restarts;
 * and planted faults, each of which the same properties must find.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyDelta, deltaSince, type Ledger, reapTombstones, startEpoch } from '../../src/catalog/ledger.ts';
import type { Entry } from '../../src/model/service.ts';
import { history, live, RULES, type Rules } from './catalog.history.ts';

describe('replicas follow their owner through 40,000 histories', () => {
  test.each([1, 2, 3, 4])('part %i', (seed) => {
    const tally: Record<string, number> = {};
    fc.assert(
      fc.property(history, (steps) => live(steps, RULES, tally)),
      { numRuns: 10_000, seed },
    );
    for (const what of ['applied', 'gap', 'stale', 'needsWhole', 'absorbed', 'whole', 'swept', 'restarted'])
      expect(tally[what], what).toBeGreaterThan(300);
  });
});

const clone = (ledger: Ledger, entries: Iterable<Entry>): void => {
  ledger.entries = new Map([...entries].map((entry) => [entry.key, entry]));
  ledger.shared = false;
};

/** Rules with one fault each. */
const FAULTS: Readonly<Record<string, Partial<Rules>>> = {
  'an older epoch is believed': {
    apply: (ledger, delta) => applyDelta(ledger, { ...delta, epoch: Math.max(delta.epoch, ledger.epoch) }),
  },
  'a part of a ledger begins an epoch': {
    apply: (ledger, delta) => applyDelta(ledger, delta.epoch > ledger.epoch ? { ...delta, from: 0 } : delta),
  },
  'a new epoch keeps entries of the old one': {
    apply: (ledger, delta) => {
      const before = delta.epoch > ledger.epoch ? [...ledger.entries.values()] : [];
      const outcome = applyDelta(ledger, delta);
      if (outcome === 'applied') clone(ledger, [...before, ...ledger.entries.values()]);
      return outcome;
    },
  },
  'what is late is merged': {
    apply: (ledger, delta) => {
      const outcome = applyDelta(ledger, delta);
      if (outcome === 'stale' && delta.epoch === ledger.epoch)
        for (const entry of delta.entries)
          if ((ledger.entries.get(entry.key)?.version ?? 0) < entry.version)
            clone(ledger, [...ledger.entries.values(), entry]);
      return outcome;
    },
  },
  'the last word wins over the newer': {
    apply: (ledger, delta) => {
      const outcome = applyDelta(ledger, delta);
      if (outcome === 'applied' || outcome === 'gap')
        clone(ledger, [...ledger.entries.values(), ...delta.entries]);
      return outcome;
    },
  },
  'the version moves over a gap': {
    apply: (ledger, delta) =>
      applyDelta(
        ledger,
        delta.from > ledger.version && ledger.version > 0 ? { ...delta, from: ledger.version } : delta,
      ),
  },
  'a whole ledger removes nothing': {
    apply: (ledger, delta) =>
      applyDelta(
        ledger,
        delta.from === 0 && delta.epoch === ledger.epoch && ledger.version > 0
          ? { ...delta, from: ledger.version }
          : delta,
      ),
  },
  'a whole ledger takes what is newer with it': {
    apply: (ledger, delta) => {
      const outcome = applyDelta(ledger, delta);
      if (outcome === 'applied' && delta.from === 0)
        clone(
          ledger,
          [...ledger.entries.values()].filter(
            (entry) => entry.version <= delta.to || delta.entries.includes(entry),
          ),
        );
      return outcome;
    },
  },
  'the sweep mark of a whole ledger is forgotten': {
    apply: (ledger, delta) => {
      const { swept, version } = ledger;
      const outcome = applyDelta(ledger, delta);
      if (outcome === 'applied' && delta.from === 0) ledger.swept = Math.min(swept, version);
      return outcome;
    },
  },
  'islands are taken for land': {
    apply: (ledger, delta) => {
      const outcome = applyDelta(ledger, delta);
      if (outcome === 'gap') {
        ledger.version = ledger.rangesAhead.at(-1)?.to ?? ledger.version;
        ledger.rangesAhead = [];
      }
      return outcome;
    },
  },
  'a delta leaves out what is beyond a gap': {
    deltaSince: (ledger, progress) => {
      const delta = deltaSince(ledger, progress);
      return delta && { ...delta, entries: delta.entries.filter((entry) => entry.version <= delta.to) };
    },
  },
  'a delta starts before the sweep': {
    deltaSince: (ledger, progress) => deltaSince({ ...ledger, swept: 0 }, progress),
  },
  'tombstones are left out': {
    deltaSince: (ledger, progress) => {
      const delta = deltaSince(ledger, progress);
      return delta && { ...delta, entries: delta.entries.filter((entry) => entry.value !== undefined) };
    },
  },
  'a sweep goes beyond the version': {
    sweep: (ledger, version) => {
      clone(
        ledger,
        [...ledger.entries.values()].filter((entry) => entry.value !== undefined || entry.version > version),
      );
      ledger.swept = Math.max(ledger.swept, Math.min(version, ledger.version));
      return 0;
    },
  },
  'a sweep leaves no mark': {
    sweep: (ledger, version) => {
      const { swept } = ledger;
      const count = reapTombstones(ledger, version);
      ledger.swept = swept;
      return count;
    },
  },
  'an owner begins again in the same epoch': { begin: (ledger) => startEpoch(ledger, ledger.epoch) },
};

describe('a planted fault is found', () => {
  test.each(Object.keys(FAULTS))('%s', (name) => {
    const rules = { ...RULES, ...FAULTS[name] };
    const { failed } = fc.check(
      fc.property(history, (steps) => live(steps, rules)),
      { numRuns: 5000, seed: 1, endOnFailure: true },
    );
    expect(failed).toBe(true);
  });
});
