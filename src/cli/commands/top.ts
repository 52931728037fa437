/** `hearsay top`: members and services by trouble, rates and the latest changes, live in the terminal. */
import { addConnectionOptions, type Client, type ClientOptions, createClient } from '../api/client.ts';
import { NodeWhySchema, parseResponse, ServiceWhySchema } from '../api/schemas.ts';
import { addExample, type CliContext, CliError, type CommandBuilder, EXIT, toAction } from '../command.ts';
import { followAgent } from '../top/follow.ts';
import { type Choice, namesOf, render } from '../top/render.ts';
import { Screen } from '../top/screen.ts';
import { TopState } from '../top/state.ts';

/** Pictures a second, at most. */
const FRAME = 100;

export const topCommand: CommandBuilder = (command, cli) => {
  addConnectionOptions(command).action(toAction(cli, (options: ClientOptions) => top(cli, options)));
  addExample(command, 'hearsay top');
};

async function top(cli: CliContext, options: ClientOptions): Promise<number> {
  const { io } = cli;
  if (!io.out.isTerminal)
    throw new CliError(
      EXIT.usage,
      'top draws on a terminal: use `hearsay doctor --json` or `hearsay members --json` in scripts',
    );
  const client = await createClient(cli, options);
  await client.get('/v1/hearsay/info'); // an agent that is not there is an error, not an empty picture
  const state = new TopState();
  const stop = new AbortController();
  const screen = new Screen(io.out);
  let choice: Choice = { pane: 'members', row: 0, filter: '', isTyping: false, why: undefined };
  let frame: NodeJS.Timeout | undefined;
  const draw = (): void => {
    frame ??= setTimeout(() => {
      frame = undefined;
      const size = screen.measure();
      screen.draw(render({ state, choice, size, colors: cli.colors, now: Date.now() }));
    }, FRAME);
  };
  const closeKeys = io.readKeys((key) => {
    if (key === 'q' && !choice.isTyping) return stop.abort();
    choice = onKey(choice, key, namesOf(state, choice).length);
    if (key === 'w' && !choice.isTyping && choice.why === undefined) {
      const name = namesOf(state, choice)[choice.row];
      if (name !== undefined)
        void explain(client, choice.pane, name).then((why) => {
          choice = { ...choice, why };
          draw();
        });
    }
    draw();
  });
  const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) =>
    io.onSignal(name, () => stop.abort()),
  );
  try {
    await followAgent(client, state, stop.signal, draw);
  } finally {
    clearTimeout(frame);
    for (const off of handlers) off();
    closeKeys?.();
    screen.close();
  }
  return EXIT.done;
}

const [UP, DOWN, ENTER, ESCAPE] = ['\u001b[A', '\u001b[B', '\r', '\u001b'];

/** What a key does to the choice; `count` rows can be selected. */
export function onKey(choice: Choice, key: string, count: number): Choice {
  if (choice.why !== undefined) return { ...choice, why: undefined };
  if (choice.isTyping) return onTyped(choice, key);
  const select = (row: number): Choice => ({ ...choice, row: Math.max(0, Math.min(count - 1, row)) });
  switch (key) {
    case UP:
    case 'k':
      return select(choice.row - 1);
    case DOWN:
    case 'j':
      return select(choice.row + 1);
    case '\t':
      return { ...choice, pane: choice.pane === 'members' ? 'services' : 'members', row: 0 };
    case ESCAPE:
      return { ...choice, filter: '', row: 0 };
    case '/':
      return { ...choice, isTyping: true, row: 0 };
    default:
      return choice;
  }
}

function onTyped(choice: Choice, key: string): Choice {
  if (key === ENTER) return { ...choice, isTyping: false };
  if (key === ESCAPE) return { ...choice, isTyping: false, filter: '' };
  if (key === '\u007f') return { ...choice, filter: choice.filter.slice(0, -1) };
  return key.length === 1 && key >= ' ' ? { ...choice, filter: choice.filter + key } : choice;
}

/** The sentences of `hearsay why`. */
async function explain(client: Client, pane: Choice['pane'], name: string): Promise<readonly string[]> {
  try {
    if (pane === 'services') {
      const path = `/v1/hearsay/why?service=${encodeURIComponent(name)}`;
      const why = parseResponse(ServiceWhySchema, await client.get(path), client);
      return [
        `${name}: ${why.summary}`,
        ...why.instances.flatMap(({ id, node, status, reasons }) => [
          '',
          `${id} on ${node}: ${status}`,
          ...reasons.map(({ message }) => `  ${message}`),
        ]),
      ];
    }
    const path = `/v1/hearsay/why/${encodeURIComponent(name)}`;
    const why = parseResponse(NodeWhySchema, await client.get(path, 'slow'), client);
    return [
      why.diagnosis,
      '',
      ...why.evidence.map(({ observer, message, at }) => `${at.slice(11, 19)}  ${observer}: ${message}`),
    ];
  } catch (error) {
    return [(error as Error).message];
  }
}
