/**
 * All benchmarks, one after the other, in some fifty minutes: `npm run bench`. `npm run bench -- --short` takes some
 * fifteen and shows less; with `--compare COMMIT` it compares the costs of this build and of that one; `npm run bench -- join --in-process 256`
 * joins as many agents of one process. Needs Linux and root for its namespaces; uses `serf`, `tcpdump` and `nft` if they
 * are installed.
 */
import { run as catalog } from './catalog.ts';
import { run as closed } from './closed.ts';
import { run as codec } from './codec.ts';
import { runComparison } from './compare.ts';
import { run as detect } from './detect.ts';
import { run as dns } from './dns.ts';
import { run as dnsCost } from './dns-cost.ts';
import { run as dnsRate } from './dns-rate.ts';
import { run as http } from './http.ts';
import { run as idle } from './idle.ts';
import { run as join } from './join.ts';
import { run as joinInProcess } from './join-in-process.ts';
import { optionOf, SHORT } from './kit/options.ts';
import { run as loop } from './loop.ts';
import { run as loss } from './loss.ts';
import { run as mixed } from './mixed.ts';
import { run as news } from './news.ts';
import { run as pick } from './pick.ts';
import { run as recording } from './recording.ts';
import { run as registrations } from './registrations.ts';
import { run as spread } from './spread.ts';
import { run as start } from './start.ts';
import { run as waiters } from './waiters.ts';
import { run as world } from './world.ts';

const compared = optionOf('--compare');
const inProcess = optionOf('--in-process');
if (inProcess !== undefined) await joinInProcess(inProcess.split(',').map(Number));
else if (compared === undefined) await runAll();
else if (compared === '') {
  console.error('--compare needs a commit or a tag');
  process.exitCode = 2;
} else {
  const rounds = optionOf('--rounds');
  const isAsGood = await runComparison(compared, rounds === undefined ? undefined : Number(rounds));
  process.exitCode = isAsGood ? 0 : 1;
}

async function runAll(): Promise<void> {
  await codec();
  dnsCost();
  await catalog();
  recording();
  pick();
  spread(SHORT ? 100 : 1000);
  world(SHORT ? 200 : 1000);
  for (const bench of [
    start,
    idle,
    join,
    news,
    detect,
    closed,
    mixed,
    loss,
    http,
    registrations,
    dns,
    dnsRate,
    waiters,
    loop,
  ])
    await bench();
}
