/** The Debian package: installed by dpkg in a copy of this machine's root, run as its unit runs it, and purged. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildDebianPackage } from '../../contrib/release/debian.ts';
import { VERSION } from '../../src/base/version.ts';
import { type ChrootRun, chrootUnsupportedReason, runInChroot } from '../support/chroot.ts';
import { isInstalled } from '../support/processes.ts';

const TOOLS = ['dpkg', 'dpkg-deb', 'dig', 'setpriv'];
const missing = TOOLS.filter((tool) => !isInstalled(tool));
const reason = missing.length > 0 ? `${missing} is missing` : chrootUnsupportedReason();

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

describe.skipIf(reason !== undefined)(`the Debian package (${reason ?? 'in a root of its own'})`, () => {
  let dir = '';
  let run: ChrootRun;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'hearsay-debian-test-'));
    run = await runInChroot(SCRIPT, [await buildDebianPackage(dir, { compression: 'fast' })]);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

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
