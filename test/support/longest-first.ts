/**
 * The order of test files: those that take longest first, so that no core waits for one that came last. Where vitest has run before
 * it knows the durations itself; in CI nothing does, and it would go by size.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take more than some seconds, the longest first. */
export const LONG_FILES: readonly string[] = [
  'test/interop/serf.test.ts',
  'test/swarm/mixed.test.ts',
  'test/swarm/swarm.test.ts',
  'test/story/fault.hostile.test.ts',
  'test/story/jobs.test.ts',
  'test/story/trust.test.ts',
  'test/story/services.test.ts',
  'test/story/eager-gossip.test.ts',
  'test/story/partition.test.ts',
  'test/story/swarm.test.ts',
  'test/story/loss.test.ts',
  'test/story/leave.test.ts',
  'test/story/crash.test.ts',
  'test/story/fault.process.test.ts',
  'test/story/fault.network.test.ts',
  'test/story/fault.restart.test.ts',
  'test/story/leaks.test.ts',
  'test/unit/cli/commands/simulate.test.ts',
  'test/unit/shell/storage/storage.faults.test.ts',
  'test/unit/shell/storage/storage.lock.test.ts',
  'test/unit/cli/commands/watch.test.ts',
  'test/unit/cli/api/client.test.ts',
  'test/truth/truth.test.ts',
  'test/property/wire.hostile.test.ts',
  'test/papers/papers.test.ts',
  'test/unit/http/server/abuse.test.ts',
];

export class LongestFirst extends BaseSequencer {
  /** Leaves files of one rank in the order of vitest: by duration, or by size. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ project, moduleId }: TestSpecification): number => {
      const place = LONG_FILES.indexOf(relative(this.ctx.config.root, moduleId));
      if (place >= 0) return place;
      return LONG_FILES.length + (project.name === 'worlds' ? 0 : 1);
    };
    const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}
