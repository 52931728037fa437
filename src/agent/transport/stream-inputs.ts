/** Hands the inputs of a stream to its owner: a watch stream, or a session of one request. */
import type { Millis } from '../../base/time.ts';
import type { Effect, Input } from '../contract/machine.ts';
import type { Streams } from './streams.ts';
import type { Watches } from './watches.ts';

type StreamInput = Extract<
  Input,
  { kind: 'streamAccepted' | 'streamOpened' | 'streamData' | 'streamClosed' }
>;

export function handleStreamInput(
  input: StreamInput,
  { streams, watches }: { readonly streams: Streams; readonly watches: Watches },
  now: Millis,
  out: Effect[],
): void {
  const { stream } = input;
  const isWatch = watches.owns(stream);
  switch (input.kind) {
    case 'streamAccepted':
      return streams.onAccepted(stream, input.from, now, out);
    case 'streamOpened':
      return isWatch ? watches.onOpened(stream, out) : streams.onOpened(stream, now, out);
    case 'streamData':
      if (isWatch) watches.onData(stream, input.bytes, now, out);
      else streams.onData(stream, input.bytes, now, out);
      return;
    case 'streamClosed':
      return isWatch ? watches.onClosed(stream, now) : streams.onClosed(stream, input, now);
  }
}
