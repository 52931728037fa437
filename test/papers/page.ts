/** Renders docs/papers.md: what was run, and the tables with the papers' figures beside ours. */
import {
  detectionTable,
  falsePositivesByCell,
  falsePositiveTable,
  fiftyTimesClaim,
  messageLoadTable,
  tuningTable,
} from './lifeguard-page.ts';
import type { PaperRun } from './plan.ts';
import {
  detectionCurve,
  disseminationTable,
  firstDetectionTable,
  loadChart,
  lossTable,
} from './swim-page.ts';

export interface PageInput {
  readonly done: readonly PaperRun[];
  /** Seeds of each cell; detection has twice as many. */
  readonly reps: number;
  /** Worlds of the plan that were not run. */
  readonly missing: number;
}

export function renderPage({ done, reps, missing }: PageInput): string {
  return `${[
    INTRODUCTION,
    renderRunSummary(done, reps, missing),
    LIFEGUARD,
    FALSE_POSITIVES,
    falsePositiveTable(done),
    fiftyTimesClaim(done),
    falsePositivesByCell(done),
    NOTES_ON_FALSE_POSITIVES,
    DETECTION,
    detectionTable(done),
    LOAD,
    messageLoadTable(done),
    TUNING,
    tuningTable(done),
    SWIM,
    firstDetectionTable(done),
    detectionCurve(done),
    INFECTION,
    disseminationTable(done),
    QUIET,
    loadChart(done),
    LOSS,
    lossTable(done),
  ].join('\n\n')}\n`;
}

function renderRunSummary(done: readonly PaperRun[], reps: number, missing: number): string {
  const commits = [...new Set(done.map(({ commit }) => commit))].join(', ');
  const cost = done.reduce((total, { seconds }) => total + seconds, 0) / 60;
  const cells = (part: string): readonly (readonly number[])[] =>
    done.filter(({ job }) => job.part === part).map(({ job }) => job.cell);
  const values = (column: number): string =>
    [...new Set(cells('interval').map((cell) => cell[column] ?? 0))].sort((a, b) => a - b).join(', ');
  return [
    `Run: commit ${commits}, ${done.length} worlds, ${cost.toFixed(0)} minutes of one core. Seeds from 1 on: ${reps} of each cell, ${2 * reps} of detection, of small groups of SWIM more. Of Lifeguard's grid:`,
    `C ${values(0)} members at once; anomalies of D ${values(1)} ms; I ${values(2)} ms between them.`,
    ...(missing === 0 ? [] : [`**Incomplete: ${missing} worlds of the plan were not run.**`]),
  ].join('\n');
}

const INTRODUCTION = `# The papers' tables

What the papers behind the failure detector measured, measured on ours: the agent of production, byte for byte, in a simulated world on a virtual
clock. This page is written by \`npm run papers\`; do not edit it.

\`\`\`
npm run papers                                     # this page: a quarter of an hour of one core
npm run papers -- --save runs.jsonl --minutes 5    # the same in pieces: what is saved is not run again
npm run papers -- --full --reps 10                 # the whole grid: days
npm run papers -- --save runs.jsonl interval       # one part: interval threshold tuning notices spreads load lossy
\`\`\`

The papers: A. Das, I. Gupta, A. Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group Membership Protocol", DSN 2002. A. Dadgar,
J. Phillips, J. Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", DSN 2018 (arXiv 1707.00788). Where a paper gives a
formula, our figure stands beside what the formula says. Of Lifeguard's results only what it states in words is quoted (its full tables of counts
were not at hand when this was written, and no figure stands here from memory); counts depend on the length of the runs, so shares are what can be
compared at all.`;

const LIFEGUARD = `## Lifeguard

128 members. C of them have *anomalies*, all at the same times: for D milliseconds they block before they send and after they have received; then I
milliseconds pass, and so on for a minute (the paper's "Interval" experiment), or it happens once (its "Threshold" experiment). Nobody dies. A *false
positive* is somebody calling a member failed that never had an anomaly, counted at each member that does so (FP), and among these at members that had none
themselves (FP-).

| Column | What is on |
| --- | --- |
| SWIM | memberlist without Lifeguard: suspicions of one length, α = 5, β = 1 |
| LHA-Probe | SWIM, and local health from 0 to 8, which slows down the probes of who feels unwell |
| LHA-Suspicion | SWIM, and suspicions that begin six times as long (β = 6) and shrink as others confirm them |
| Buddy System | SWIM, and probes of a suspect that tell it so |
| Lifeguard | the three together |
| hearsay | what ships: Lifeguard with α = 4, the stall guard (who comes late accuses nobody for two rounds, and gives suspicions their time back) and the last call (a suspect is asked once more, over a stream as well, before it is declared dead) |

Everything but the last column is \`swim.awarenessMax\`, \`swim.suspicionMaxTimeoutMult\`, \`swim.buddy\`, \`swim.stallGuard\` and \`swim.lastCall\`. Other ways of ours
have no switch and are on in all columns: who is accused answers its accuser directly and not only by gossip, who is held for dead is told so when it
pings, one source may accuse thirty members at once and ten more each second ([ADR 6](adr/0006-asking-before-believing.md)). They help SWIM too, so the
baseline here is, if anything, better than the paper's.

How the fault is made (\`test/papers/blocked-member.ts\`): memberlist probes, gossips and receives side by side, and each blocks for itself. Our agent does one thing at a time.
So an anomaly lets its timers go on until it wants to probe somebody, and there it is stuck; when the anomaly ends, what was stuck goes out, then one
message that was received is dealt with, then the timers that ran out, and then the backlog at ten messages a millisecond. With I = 1 ms a member hardly catches up before
it blocks again, which is where old suspicions run out before their refutations are read.`;

const FALSE_POSITIVES = '### False positives';

const NOTES_ON_FALSE_POSITIVES = `Beside this the paper says: "for SWIM, even a single overloaded member is sufficient to cause some false positive failure detection events" (§II), and that the whole of
Lifeguard has between 50 and 100 times fewer (§V). What stands behind the cells:

- *D = 2048, I = 1.* Who is anomalous never catches up, so suspicions of its own run out before it has read the refutations. Others read these long before and do not believe
  its verdicts: false positives at the anomalous members only, FP- next to none. Local health alone makes such a member probe, and so accuse, more rarely; a longer suspicion alone gives it time to
  read. Each leaves between an eighth and somewhat over a quarter, and both together one or two in a hundred: that is
  Lifeguard.
- *D = 16,384.* A suspicion of 10.5 s runs out within one anomaly. With I = 1 the accusation and the verdict leave the anomalous member almost together, before the accused can have
  answered, and everybody believes it: FP- is most of FP. With I = 64 it takes many anomalous members for that. Local health helps little, for each anomaly is one failed probe; a
  longer suspicion helps.
- *D = 2048, I = 64.* Enough time between anomalies to read everything: hardly anybody is wronged.
- The buddy system changes little here. It tells the accused sooner when the accuser next pings it, and an anomalous accuser does not.
- As it ships, the stall guard comes before all this: what ran out while the member itself stood still is no verdict. It can tell because the agent's whole loop stands
  still here, as that of a starved or stopped process does; a fault that holds up datagrams and nothing else would not show itself so.`;

const DETECTION = `### Detection

The paper's other question: how long until a member that is gone is called failed by a healthy one (*first*), and by all (*all*), in seconds. The anomaly lasts 32.8 s, so
it is as good as a death. No verdict can come before one probe has failed (1 s) and the shortest suspicion is over: α · log10(128) s, 10.5 s for α = 5 and 8.4 s for
α = 4, so 11.5 and 9.4 s in all. The paper finds that Lifeguard makes detection slower, "modestly" (abstract of its first version). Ours does not: where nothing else is wrong, the three confirmations that
bring a long suspicion down to the shortest are there long before it is over, and the medians agree to a few hundredths of a second; with local health on, the slowest of two hundred comes a second later. With less than a thousand detections the 99.9 % is the worst.`;

const LOAD = `### Messages

All members, in the runs of the false positives. The paper finds a "modestly" higher load. Ours is lower: accusations and refutations are most of what is said
here, and who feels unwell probes, and so accuses, more rarely; as it ships, who stood still accuses nobody at first. Ours are datagrams, each with as many rumors as it holds, and with streams in
the bytes.
The SWIM column pays for two things that the paper's does not: helpers answer by nack, and the first confirmations of a suspicion are told on, though neither has an effect there.`;

const TUNING = `### α and β

Lifeguard with other lengths of suspicion: α scales the shortest, β is how many times longer one may last. C = 16; false positives of D = 16,384 ms, I = 64 ms and of D = 2048 ms,
I = 1 ms together; SWIM's with α = 5 are 100 %. The paper's column is what its authors say of it in summary, for β = 6: since false positives are so few, α may be smaller and failures be
found sooner than by SWIM. memberlist's default became α = 4 by that (memberlist#129), and so is ours. At α = 2 ours falls short of the paper, and β does nothing: as in memberlist, α - 2 confirmations bring a suspicion
down to its shortest, and where none are needed it begins there. The paper asks for three whatever α is.`;

const SWIM = `## SWIM

The protocol of the first paper: Lifeguard and all of ours off as above, rumors only on pings and acks, no gossip rounds, no full exchanges, no streams. One period is
a second; a probe's verdict comes a period after its ping. Times in periods.

### First detection

The paper: a dead member is probed by somebody in each period with chance 1 - 1/e, so after e/(e-1) = 1.58 periods on average, *whatever the size of the group*, if periods begin
together. Ours begin at times of their own, so the wait for the first ping is one period on average and is distributed as 1 - e^-k; at whole periods that is the
paper's law. Here a quarter of the members die one after the other, and fewer probe than are probed until the dead have left the table, so a little more is to be expected. Round robin
bounds it at 2N-1 periods.`;

const INFECTION = `### Infection

A rumor that one member begins, in periods. The paper: infection by pings and acks reaches all in O(log N); with each pair that meets telling one another, from one to N members
takes about ln N periods.`;

const QUIET = `### Load

Per member and period, when nothing happens. The paper: a ping and an ack, whatever the size. Bytes do not grow either.`;

const LOSS = `### Loss

64 members, each datagram lost with this chance; nobody dies. The paper's chance that the probe of a living member fails is (1 - q²)(1 - q⁴)^k with q the chance that a message
arrives and k = 3 helpers. Without the suspicion sub-protocol each such failure would be a death; with it, only those that are not refuted in 5 · log10(64) = 9 periods. Rumors travel on pings and
acks alone here, so that at 30 % a refutation has a hard way: this is the protocol of 2002, not what ships (docs/reliability.md, G5).`;
