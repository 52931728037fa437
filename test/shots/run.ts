/** `npm run shots`: the screenshots of the README, of real agents in a real Chromium. They are written to `docs/images/`. */
import { openBrowser } from '../support/browser.ts';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const NET = '127.36.20';
const FOLDER = 'docs/images';
const NODES = ['edge-1', 'edge-2', 'app-1', 'app-2', 'db-1', 'db-2'];

async function register(node: HearsayProcess, name: string, port: number, status = 'passing', output = '') {
  const id = `${name}@${node.name}`;
  const check = { CheckID: id, Name: `${name} answers`, TTL: '1h', Status: status };
  const body = { Name: name, ID: id, Port: port, Tags: ['v7'], Meta: { build: '4f2c' }, Check: check };
  await httpRequest('PUT', `${node.http}/v1/agent/service/register`, { body: JSON.stringify(body) });
  const update = { Status: status, Output: output };
  const path = `/v1/agent/check/update/${encodeURIComponent(id)}`;
  await httpRequest('PUT', node.http + path, { body: JSON.stringify(update) });
}

async function startCluster(): Promise<HearsayProcess> {
  const nodes: HearsayProcess[] = [];
  for (const [i, name] of NODES.entries()) {
    const tags = { zone: `eu-1${'abc'[i % 3]}`, role: name.slice(0, -2) };
    const join = i === 0 ? {} : { join: `${NET}.1` };
    nodes.push(await startHearsay({ name, ip: `${NET}.${i + 1}`, tags, ...join }));
  }
  const [edge1, edge2, app1, app2, db1, db2] = nodes as [HearsayProcess, ...HearsayProcess[]];
  for (const node of [edge1, edge2]) await register(node as HearsayProcess, 'web', 8080);
  await register(app1 as HearsayProcess, 'api', 9000, 'warning', 'the queue has 812 jobs, the limit is 500');
  await register(app2 as HearsayProcess, 'api', 9000);
  await register(
    app2 as HearsayProcess,
    'mail',
    2525,
    'critical',
    'TCP connect 10.0.3.7:2525: connection refused',
  );
  for (const node of [db1, db2]) await register(node as HearsayProcess, 'db', 5432);
  await (db2 as HearsayProcess).kill();
  return edge1;
}

const seen = await startCluster();
const { page, close } = await openBrowser(seen.http);
try {
  await page.setViewportSize({ width: 1080, height: 640 });
  const shoot = async (path: string, file: string, text: RegExp, colorScheme: 'light' | 'dark') => {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${seen.http}${path}`);
    await waitUntil(`${file} shows ${text}`, 30_000, async () =>
      text.test(await page.locator('main').innerText()),
    );
    await page.screenshot({ path: `${FOLDER}/${file}.png` });
    console.log(`${FOLDER}/${file}.png`);
  };
  await shoot('/ui/', 'overview', /is missing[\s\S]*db-2\s+failed [3-9] s/, 'light');
  await shoot('/ui/nodes/db-2', 'node', /likely true \(refused\)/, 'dark');
  await shoot('/ui/services/api', 'service', /although its check/, 'light');
} finally {
  await close();
  await killProcesses();
}
