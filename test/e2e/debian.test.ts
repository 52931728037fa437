/**
 * The Debian package: installed by dpkg in a copy of this machine's root, run as its unit runs it, and purged. Then again where systemd
 * is PID 1, so that the unit itself is run: its readiness, reload, watchdog and stop.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildDebianPackage } from '../../contrib/release/debian.ts';
import { VERSION } from '../../src/base/version.ts';
import { type ChrootRun, chrootUnsupportedReason, runInChroot } from '../support/chroot.ts';
import { isInstalled } from '../support/processes.ts';
import { runUnderSystemd, systemdUnsupportedReason } from '../support/systemd-root.ts';

const TOOLS = ['dpkg', 'dpkg-deb', 'dig', 'setpriv'];
const missing = TOOLS.filter((tool) => !isInstalled(tool));
const reason = missing.length > 0 ? `${missing} is missing` : chrootUnsupportedReason();
const systemdReason = reason ?? (await systemdUnsupportedReason());

/** What was written here and is still there, but for what dpkg, its triggers and the programs for users write to files of their own. */
const LIST_LEFT = `find /tmp/upper \\( -type f -o -path '*hearsay*' \\) -not -path '/tmp/upper/var/lib/dpkg/*' \\
  -not -path '/tmp/upper/var/log/*' -not -path '/tmp/upper/var/cache/*' -not -path '/tmp/upper/etc/*' -printf '%P '
  cat /etc/passwd /etc/group /etc/shadow | grep hearsay || true; ls -d /etc/*hearsay* 2>/dev/null || true`;

/** Each step prints a word that the tests look for. */
const SCRIPT = `
set -eu
export NO_COLOR=1 DEBIAN_FRONTEND=noninteractive
dpkg -i /tmp/given/*.deb

echo "state $(stat -c '%U:%G %a' /var/lib/hearsay) $(stat -c '%U:%G %a' /etc/hearsay)"
echo "version $(hearsay version)"
echo "pages $(ls /usr/share/man/man1 | grep -c '^hearsay') $(zcat /usr/share/man/man1/hearsay-agent.1.gz | head -1)"
for file in bash-completion/completions/hearsay zsh/vendor-completions/_hearsay fish/vendor_completions.d/hearsay.fish; do
  grep -q 'hearsay completion\\|completion bash' /usr/share/$file
done

# As the comments of the settings say, with a service.
hearsay keygen --keyring /tmp/keyring >/dev/null
install -o root -g hearsay -m 0640 /tmp/keyring /etc/hearsay/keyring
sed -i 's/^# keyringFile/keyringFile/' /etc/hearsay/agent.yaml
echo 'bind: 127.0.0.1' >> /etc/hearsay/agent.yaml
echo '{"service": {"name": "web", "port": 8080}}' > /etc/hearsay/services.d/web.json
hearsay config check /etc/hearsay/agent.yaml
setpriv --reuid hearsay --regid hearsay --init-groups --no-new-privs \\
  $(sed -n 's/^ExecStart=//p' /lib/systemd/system/hearsay.service) > /tmp/log 2>&1 &
pid=$!
for i in $(seq 200); do
  found=$(dig +short +time=1 +tries=1 @127.0.0.1 -p 8600 _web._tcp.service.consul SRV || true)
  case "$found" in *' 8080 '*) break ;; esac
  sleep 0.1
done
echo "found $found"
setpriv --reuid hearsay --regid hearsay --init-groups $(sed -n 's/^ExecReload=//p' /lib/systemd/system/hearsay.service)
echo "keyring $(stat -c '%U:%G %a' /var/lib/hearsay/keyring)"
kill $pid; wait $pid
grep -q 'leaving the cluster' /tmp/log

dpkg -r hearsay
echo "removed $(test ! -e /usr/bin/hearsay && test -e /etc/hearsay/agent.yaml && test -e /var/lib/hearsay/keyring && echo kept)"
dpkg -P hearsay
echo "purged $(getent passwd hearsay || getent group hearsay || echo nobody)"
echo "left: $(${LIST_LEFT})"
`;

/** Waits for a command to succeed, 20 s at most. */
const UNTIL = `until_() { for i in $(seq 200); do if eval "$1"; then return 0; fi; sleep 0.1; done; echo "never: $1"; journalctl -u hearsay --no-pager | tail -20; exit 1; }`;

/** Each step prints a word that the tests look for. The watchdog's 30 s are five here. */
const UNIT_SCRIPT = `
set -eu
export NO_COLOR=1 DEBIAN_FRONTEND=noninteractive
${UNTIL}
finds() { dig +short +time=1 +tries=1 @127.0.0.1 -p 8600 _$1._tcp.service.consul SRV | grep -q " $2 "; }
state() { systemctl show hearsay --property "$1" --value; }
dpkg -i /tmp/shared/*.deb >/dev/null
echo "installed $(systemctl is-active hearsay) $(systemctl is-enabled hearsay)"
hearsay keygen --keyring /tmp/keyring >/dev/null
install -o root -g hearsay -m 0640 /tmp/keyring /etc/hearsay/keyring
sed -i 's/^# keyringFile/keyringFile/' /etc/hearsay/agent.yaml
printf 'bind: 127.0.0.1\nnode: unit\nretryJoin: [127.0.0.2]\nretryJoinInterval: 1s\n' >> /etc/hearsay/agent.yaml
echo '{"service": {"name": "web", "port": 8080}}' > /etc/hearsay/services.d/web.json
mkdir -p /run/systemd/system/hearsay.service.d
printf '[Service]\nWatchdogSec=5\n' > /run/systemd/system/hearsay.service.d/test.conf
systemctl daemon-reload

# Its seed does not run yet: it is not ready before its patience is over.
systemctl start --no-block hearsay
until_ '[ "$(state MainPID)" != 0 ]'
echo "while it waits: $(systemctl is-active hearsay || true)"
hearsay agent --node seed --bind 127.0.0.2 --http 127.0.0.2:8500 --dns 127.0.0.2:8600 --keyring-file /tmp/keyring > /tmp/seed 2>&1 &
until_ 'systemctl is-active --quiet hearsay'
finds web 8080
echo "ready: $(state Type) $(state SubState), user $(ps -o user= -p $(state MainPID))"

echo '{"service": {"name": "db", "port": 5432}}' > /etc/hearsay/services.d/db.json
systemctl reload hearsay
finds db 5432
echo "reloaded"

# A process that hangs.
pid=$(state MainPID)
kill -STOP $pid
until_ '[ "$(state NRestarts)" -ge 1 ] && systemctl is-active --quiet hearsay'
test "$(state MainPID)" != $pid
finds db 5432
echo "restarted: $(journalctl -u hearsay --no-pager | grep -o 'Watchdog timeout' | head -1)"

systemctl stop hearsay
echo "stopped: $(state Result) $(state ExecMainStatus), $(hearsay members --http-addr http://127.0.0.2:8500 | grep '^unit')"

systemctl enable --now --quiet hearsay
dpkg -r hearsay >/dev/null
echo "removed: $(systemctl is-active hearsay || true)"
dpkg -P hearsay >/dev/null
echo "units: $(systemctl list-unit-files 'hearsay*' --no-legend | wc -l), failed: $(systemctl --failed --no-legend | wc -l)"
`;

let dir = '';
let file = '';
beforeAll(async () => {
  if (reason !== undefined) return;
  dir = mkdtempSync(join(tmpdir(), 'hearsay-debian-test-'));
  file = await buildDebianPackage(dir, { compression: 'fast' });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.skipIf(systemdReason !== undefined)(`its unit (${systemdReason ?? 'with systemd as PID 1'})`, () => {
  let run: ChrootRun;
  beforeAll(async () => {
    run = await runUnderSystemd(UNIT_SCRIPT, [file]);
  });

  test('is not started by the installation, and then starts when a member has sent its catalog', () => {
    expect(run.output).toContain('installed inactive disabled');
    expect(run.output).toContain('while it waits: activating');
    expect(run.output).toContain('ready: notify running, user hearsay');
  });

  test('a reload returns when the new service is found', () => {
    expect(run.output).toContain('reloaded\n');
  });

  test('an agent that hangs is ended by the watchdog, and is back with its services', () => {
    expect(run.output).toContain('restarted: Watchdog timeout');
  });

  test('a stop leaves the cluster, and a removal stops and leaves nothing', () => {
    expect(run.output).toMatch(/^stopped: success 0, unit .* left /m);
    expect(run.output).toContain('removed: inactive');
    expect(run.output).toContain('units: 0, failed: 0');
    expect(run.code).toBe(0);
  });
});

describe.skipIf(reason !== undefined)(`the Debian package (${reason ?? 'in a root of its own'})`, () => {
  let run: ChrootRun;
  beforeAll(async () => {
    run = await runInChroot(SCRIPT, [file]);
  });

  test('installs a program, its user, its pages and its completions', () => {
    expect(run.output).toContain('state hearsay:hearsay 700 root:hearsay 750');
    expect(run.output).toContain(`version hearsay ${VERSION}`);
    expect(run.output).toMatch(/^pages \d\d+ \.TH HEARSAY-AGENT 1 /m);
  });

  test('the agent of its unit reads its settings and a key of root, and its service is found by DNS', () => {
    expect(run.output).toContain('agent.yaml: no problems found');
    expect(run.output).toMatch(/^found 1 1 8080 /m);
    expect(run.output).toContain('keyring hearsay:hearsay 600');
  });

  test('removal keeps settings and data, and a purge leaves nothing', () => {
    expect(run.output).toContain('removed kept');
    expect(run.output).toContain('purged nobody');
    expect(run.output).toMatch(/^left: $/m);
    expect(run.code).toBe(0);
  });
});
