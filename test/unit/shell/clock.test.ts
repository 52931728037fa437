import { afterEach, expect, test, vi } from 'vitest';
import { monotonicNow } from '../../../src/shell/driver.ts';

afterEach(() => {
  vi.useRealTimers();
});

test.each([-3_600_000, 3_600_000, 30 * 365 * 86_400_000])(
  'the wall clock is set by %d ms: the clock of the agent does not notice',
  (leap) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const wall = Date.now();
    const before = monotonicNow();

    vi.setSystemTime(wall + leap);

    const passed = monotonicNow() - before;
    expect(passed).toBeGreaterThanOrEqual(0);
    expect(passed).toBeLessThan(60_000);
  },
);
