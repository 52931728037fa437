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

What the papers behind the failure detector measured, measured on our agent: the production code, byte for byte, in a simulated world on a virtual
clock. This page is written by \`npm run papers\`; do not edit it.

\`\`\`
npm run papers                                     # this page: a quarter of an hour of one core
npm run papers -- --save runs.jsonl --minutes 5    # the same in pieces: saved results are not run again
npm run papers -- --full --reps 10                 # the whole grid: days
npm run papers -- --save runs.jsonl interval       # one part: interval threshold tuning notices spreads load lossy
\`\`\`

The papers: A. Das, I. Gupta, A. Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group Membership Protocol", DSN 2002. A. Dadgar,
J. Phillips, J. Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", DSN 2018 (arXiv 1707.00788). Where a paper gives a
formula, our figure stands beside the value of the formula. Of Lifeguard's results only its statements in words are quoted (its full tables of counts
were not available when this was written, and no figure here is quoted from memory); counts depend on the length of the runs, so only shares can be
compared.`;

const LIFEGUARD = `## Lifeguard

128 members. C of them have *anomalies*, all at the same times: for D milliseconds they block before they send and after they have received; then I
milliseconds pass, and so on for a minute (the paper's "Interval" experiment), or it happens once (its "Threshold" experiment). Nobody dies. A *false
positive* is a member that is declared failed and never had an anomaly, counted at each member that declares it (FP), and among these at members without
anomalies (FP-).

| Column | What is on |
| --- | --- |
| SWIM | memberlist without Lifeguard: suspicions of one length, α = 5, β = 1 |
| LHA-Probe | SWIM, and local health from 0 to 8, which slows down the probes of a member in bad health |
| LHA-Suspicion | SWIM, and suspicions that begin six times as long (β = 6) and shrink as others confirm them |
| Buddy System | SWIM, and probes of a suspect that notify it of the suspicion |
| Lifeguard | the three together |
| hearsay | the default settings: Lifeguard with α = 4, the stall guard (a member that was stalled accuses nobody for two rounds, and extends its suspicions by the stall), the last call (a suspect is probed once more, over a stream as well, before it is declared dead), connections by which each is watched, and first copies of news at once |

Everything but the last column is \`swim.awarenessMax\`, \`swim.suspicionMaxTimeoutMult\`, \`swim.buddy\`, \`swim.stallGuard\`, \`swim.lastCall\`, \`swim.watchedMembers\` and \`swim.eagerGossip\`. Other additions
have no setting and are on in all columns: an accused member answers its accuser directly and not only by gossip, a member that is held dead is notified when it
pings, one source may accuse thirty members at once and ten more each second ([ADR 6](adr/0006-verification-before-belief.md)). They help SWIM too, so the
baseline here is, if anything, better than the paper's.

How the fault is injected (\`test/papers/blocked-member.ts\`): memberlist probes, gossips and receives concurrently, and each blocks by itself. Our agent does one thing at a time.
So during an anomaly its timers run until it wants to probe a member, and there it blocks; when the anomaly ends, it sends what was blocked, then processes one
message that was received, then the timers that are due, and then the backlog at ten messages a millisecond. With I = 1 ms a member hardly catches up before
it blocks again, so that old suspicions time out before their refutations are read.`;

const FALSE_POSITIVES = '### False positives';

const NOTES_ON_FALSE_POSITIVES = `Beside this the paper says: "for SWIM, even a single overloaded member is sufficient to cause some false positive failure detection events" (§II), and that the whole of
Lifeguard has between 50 and 100 times fewer (§V). What explains the cells:

- *D = 2048, I = 1.* An anomalous member never catches up, so its suspicions time out before it has read the refutations. Others read these long before and do not believe
  its declarations: false positives at the anomalous members only, FP- next to none. Local health alone makes such a member probe, and so accuse, less often; a longer suspicion alone gives it time to
  read. Each leaves between a tenth and somewhat over a third, and both together one to three in a hundred: that is
  Lifeguard.
- *D = 16,384.* A suspicion of 10.5 s times out within one anomaly. With I = 1 the accusation and the declaration leave the anomalous member almost together, before the accused can
  refute it, and all believe it: FP- is most of FP. With I = 64 it takes many anomalous members for that. Local health helps less, since each anomaly is one failed probe; a
  longer suspicion helps.
- *D = 2048, I = 64.* Enough time between anomalies to read everything: hardly any false positive.
- The buddy system changes little here. It notifies the accused earlier when the accuser next pings it, and an anomalous accuser does not.
- With the default settings the stall guard prevents all this: a timeout that passed while the member itself was stalled counts for nothing. The agent notices because its whole loop
  stands still here, as that of a starved or suspended process does; a fault that delays datagrams and nothing else would not be noticed like this.`;

const DETECTION = `### Detection

The paper's other question: how long until a crashed member is declared failed by a healthy one (*first*), and by all (*all*), in seconds. The anomaly lasts 32.8 s, so
it is equivalent to a crash. No declaration can come before one probe has failed (1 s) and the shortest suspicion has timed out: α · log10(128) s, 10.5 s for α = 5 and 8.4 s for
α = 4, so 11.5 and 9.4 s in all. The paper finds that Lifeguard makes detection slower, "modestly" (abstract of its first version). Ours does not: where nothing else is wrong, the three confirmations that
shorten a long suspicion to the minimum arrive long before it times out, and the medians agree to a few hundredths of a second. With less than a thousand detections the 99.9 % is the maximum.`;

const LOAD = `### Messages

All members, in the runs of the false positives. The paper finds a "modestly" higher load. Lifeguard's is lower here: most messages are accusations and refutations,
and a member in bad health probes, and so accuses, less often. With the default settings there are half as many datagrams more, since the first copies of news leave at
once, but a quarter fewer bytes, since a member that was stalled accuses nobody at first. We count datagrams, each with as many piggybacked messages as it holds, and
streams in the bytes.
The SWIM column pays for two things that the paper's does not: helpers send nacks, and the first confirmations of a suspicion are gossiped, though neither has an effect there.`;

const TUNING = `### α and β

Lifeguard with other lengths of suspicion: α scales the shortest, β is how many times longer one may last. C = 16; false positives of D = 16,384 ms, I = 64 ms and of D = 2048 ms,
I = 1 ms together; SWIM's with α = 5 are 100 %. The paper's column is its authors' summary, for β = 6: since false positives are so few, α may be smaller and failures are
detected earlier than by SWIM. memberlist's default became α = 4 because of that (memberlist#129), and so is ours. At α = 2 ours falls short of the paper, and β does nothing: as in memberlist, α - 2 confirmations bring a suspicion
down to its minimum, and where none are needed it begins there. The paper asks for three whatever α is.`;

const SWIM = `## SWIM

The protocol of the first paper: Lifeguard and hearsay's additions off as above, gossip only piggybacked on pings and acks, no gossip rounds, no push/pulls, no streams. One period is
a second; a probe ends a period after its ping. Times are in periods.

### First detection

The paper: a crashed member is probed in each period with chance 1 - 1/e, so after e/(e-1) = 1.58 periods on average, *whatever the size of the group*, if periods begin
together. Ours begin at different times, so the wait for the first ping is one period on average and is distributed as 1 - e^-k; at whole periods that is the
paper's law. Here a quarter of the members crash one after the other, and fewer members probe than are probed until the dead are removed from the tables, so slightly more is to be expected. Round robin
bounds it at 2N-1 periods.`;

const INFECTION = `### Infection

A change that one member gossips, in periods. The paper: infection by pings and acks reaches all in O(log N); as each pair that meets exchanges it, from one to N members
takes about ln N periods.`;

const QUIET = `### Load

Per member and period, when nothing happens. The paper: a ping and an ack, whatever the size. Bytes do not grow either.`;

const LOSS = `### Loss

64 members, each datagram lost with this chance; nobody dies. The paper's chance that the probe of a live member fails is (1 - q²)(1 - q⁴)^k with q the chance that a message
arrives and k = 3 helpers. Without the suspicion sub-protocol each such failure would be a false death; with it, only those that are not refuted in 5 · log10(64) = 9 periods. Messages are piggybacked on pings and
acks only here, so that at 30 % loss few refutations arrive in time: this is the protocol of 2002, not hearsay's (docs/reliability.md, G5).`;
