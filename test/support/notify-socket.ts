/** A service manager's end of sd_notify(3), by Python: Node has no Unix datagram sockets. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './processes.ts';
import { waitUntil } from './wait.ts';

/** Prints one line of JSON for each message. A descriptor that came along is closed, as systemd does once it has read a message. */
const LISTENER = `
import json, os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print('[]', flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(listener, 65536, 8)
    for descriptor in descriptors:
        os.close(descriptor)
    print(json.dumps(data.decode().split()), flush=True)
`;

export interface NotifySocket {
  readonly path: string;
  /** The first word of each message but the program's own barrier, in order. */
  messages(): readonly string[];
}

/** It ends with `killProcesses`. */
export async function openNotifySocket(): Promise<NotifySocket> {
  const path = join(mkdtempSync(join(tmpdir(), 'hearsay-notify-')), 'socket');
  const { log } = startProgram('python3', ['-c', LISTENER, path]);
  await waitUntil('the socket of the service manager is open', 10_000, () => log() !== '');
  return {
    path,
    messages: () =>
      log()
        .split('\n')
        .slice(1, -1)
        .map((line) => (JSON.parse(line) as string[])[0] ?? '')
        .filter((word) => word !== 'BARRIER=1'),
  };
}
