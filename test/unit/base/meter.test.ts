import { describe, expect, test } from 'vitest';
import { Meter } from '../../../src/base/meter.ts';

describe('a meter', () => {
  test('counters without labels exist from the start, those with labels from their first increase', () => {
    const meter = new Meter();
    const plain = meter.counter('starts_total', 'Starts.');
    const labelled = meter.counter('asked_total', 'Questions.', 'type');
    expect(meter.families().map(({ samples }) => samples.length)).toEqual([1, 0]);
    plain.add();
    labelled.add(['A'], 2);
    labelled.add(['A']);
    labelled.add(['SRV']);
    expect(meter.families()).toMatchObject([
      { name: 'starts_total', type: 'counter', samples: [{ labels: [], value: 1 }] },
      {
        labels: ['type'],
        samples: [
          { labels: ['A'], value: 3 },
          { labels: ['SRV'], value: 1 },
        ],
      },
    ]);
  });

  test('gauges are read on demand', () => {
    const meter = new Meter();
    let value = 1;
    meter.gauge('health', 'Score.', () => value);
    meter.gauge('members', 'By status.', () => new Map([['alive', value]]), 'status');
    value = 7;
    expect(meter.families()).toMatchObject([
      { type: 'gauge', labels: [], samples: [{ labels: [], value: 7 }] },
      { labels: ['status'], samples: [{ labels: ['alive'], value: 7 }] },
    ]);
  });

  test('buckets are cumulative, and a value above all bounds is only counted', () => {
    const meter = new Meter();
    const spans = meter.histogram('spans_seconds', 'Spans.', [1, 10]);
    for (const value of [0.5, 1, 4, 100]) spans.observe([], value);
    expect(meter.families()).toMatchObject([
      {
        type: 'histogram',
        samples: [
          {
            count: 4,
            sum: 105.5,
            min: 0.5,
            max: 100,
            buckets: [
              { upTo: 1, count: 2 },
              { upTo: 10, count: 3 },
            ],
          },
        ],
      },
    ]);
  });

  test('endless label values do not exhaust the memory', () => {
    const meter = new Meter();
    const tally = meter.counter('asked_total', 'Questions.', 'name');
    for (let i = 0; i < 5000; i++) tally.add([`n${i}`]);
    expect(meter.families()[0]?.samples).toHaveLength(1000);
  });
});
