/** Server-sent events from the bytes of a response. Source: WHATWG HTML, "Server-sent events". */

export interface SentEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Takes text as it arrives, in pieces of any size, and returns the events that are complete. */
export class EventParser {
  #rest = '';

  push(text: string): SentEvent[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap(toEvent);
  }
}

/** Comments and `retry` are no events. */
function toEvent(block: string): SentEvent[] {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name !== '') fields.set(name, value);
  }
  const data = fields.get('data');
  if (data === undefined) return [];
  return [{ event: fields.get('event') ?? 'message', data, id: fields.get('id') }];
}
