/** Replaying a recording gives the same decisions: seeds of the swarm with every boot recorded. */
import { expect, test } from 'vitest';
import { replayRecording } from '../../src/replay/player.ts';
import { SerfPeer } from '../../src/sim/peers/serf-peer.ts';
import { runSwarm } from '../../src/sim/scenarios/swarm.ts';
import { recording } from '../unit/replay/support.ts';

test.each([5, 6])('seed %i', (seed) => {
  const { runs, makeAgent } = recording(seed % 2 === 0);
  const report = runSwarm({
    ...{ seed, members: 4, minutes: 0.5 },
    makeAgent: (options, host) =>
      host.options.serfPeer === true ? new SerfPeer(options) : makeAgent(options, host),
  });
  expect(report.faults.length).toBeGreaterThan(3);
  let decisions = 0;
  for (const { host, sink } of runs) {
    const played = replayRecording(sink.bytes);
    expect(played.difference, `${host}, seed ${seed}`).toBeUndefined();
    expect([played.recordingEnd.kind, played.inputs], host).toEqual(['complete', sink.lines.length - 1]);
    decisions += played.decisions;
  }
  expect(decisions).toBeGreaterThan(500);
});
