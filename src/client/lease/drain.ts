/** How a drain becomes done: every agent serves it, or its time is over, and a sentence says who does not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentConnection, RefusedError } from '../connection.ts';

/** Milliseconds for the answer beyond the time that the agent waits. */
const ANSWER_WITHIN = 5000;
/** A client that has just been told the address may still be dialing it. */
const SETTLE = 250;
/** Where the agent cannot say what the others serve: gossip has told nearly all by then. */
const UNKNOWN = 2000;
const RETRY = 200;
/** The least that the agent waits. */
const MIN_WAIT = 10;

interface Answer {
  readonly done: boolean;
  readonly sentence: string;
}

/** Never rejects: the process is about to end in any case. */
export async function drainEverywhere(
  connection: AgentConnection,
  service: string,
  drainFor: number,
): Promise<void> {
  const startedAt = performance.now();
  const left = (of = drainFor): number => Math.max(0, of - (performance.now() - startedAt));
  const say = (what: string): void => connection.logger?.warn(`hearsay: "${service}" is drained: ${what}`);
  for (;;) {
    const wait = Math.max(MIN_WAIT, Math.round(left()));
    const path = `/v1/hearsay/drain/${encodeURIComponent(service)}?enable=true&wait=${wait}ms`;
    try {
      const response = await connection.send({ method: 'PUT', path, silence: wait + ANSWER_WITHIN });
      let text = '';
      for await (const chunk of response) text += String(chunk);
      // An agent of an older version answers at once, with nothing.
      const answer = text === '' ? undefined : (JSON.parse(text) as Answer);
      if (answer?.done === false) say(`after ${drainFor / 1000} s ${answer.sentence}`);
      await sleep(Math.min(left(), answer === undefined ? UNKNOWN : SETTLE));
      return;
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof RefusedError) {
        say(message);
        await sleep(left(Math.min(drainFor, UNKNOWN)));
        return;
      }
      if (left(Math.min(drainFor, UNKNOWN)) === 0) return say(`the agent cannot tell others (${message})`);
      await sleep(Math.min(RETRY, left()));
    }
  }
}
