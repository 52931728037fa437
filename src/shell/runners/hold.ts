/**
 * The hold check: keeps a TCP connection to a service that knows nothing of us, and says so the moment it closes, which the
 * kernel does for a process that dies. Nothing is sent, and what the service sends is discarded. Only to connect takes a slot.
 */
import type { Socket } from 'node:net';
import { describeError } from '../../base/errno.ts';
import type { CheckOutcome, CheckRun } from '../../checks/types.ts';
import { dial, resolveTarget } from './dial.ts';
import type { EgressGuard } from './guard.ts';
import type { Slots } from './slots.ts';

/** Milliseconds of silence after which the kernel asks a peer whether it is still there. */
const KEEP_ALIVE = 30_000;

export class HeldConnections {
  readonly #slots: Slots;
  readonly #guard: EgressGuard;
  readonly #onOutcome: (outcome: CheckOutcome) => void;
  /** By check; each is aborted to close its connection. */
  readonly #open = new Map<string, AbortController>();

  constructor(slots: Slots, guard: EgressGuard, onOutcome: (outcome: CheckOutcome) => void) {
    this.#slots = slots;
    this.#guard = guard;
    this.#onOutcome = onOutcome;
  }

  /** Ends an earlier run of the check. An outcome follows when it is connected, and another when that has ended. */
  open(run: CheckRun, target: string): void {
    this.stop(run.check);
    const controller = new AbortController();
    this.#open.set(run.check, controller);
    this.#slots.schedule(run.check, (canceled) => this.#connect(run, target, controller, canceled));
  }

  /** No outcome follows. */
  stop(check: string): void {
    this.#open.get(check)?.abort();
    this.#open.delete(check);
  }

  close(): void {
    for (const check of [...this.#open.keys()]) this.stop(check);
  }

  /** Never rejects. */
  async #connect(
    run: CheckRun,
    target: string,
    controller: AbortController,
    canceled: AbortSignal,
  ): Promise<void> {
    const { signal } = controller;
    const report = (status: CheckOutcome['status'], what: string, continues = false): void => {
      if (signal.aborted) return;
      const { check, generation } = run;
      const outcome = { check, generation, status, output: `Hold ${target}: ${what}` };
      this.#onOutcome(continues ? { ...outcome, continues: true } : outcome);
    };
    const end = (what: string): void => {
      report('critical', what);
      controller.abort();
      if (this.#open.get(run.check) === controller) this.#open.delete(run.check);
    };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      end(`no connection in ${run.timeout / 1000} s`);
    }, run.timeout);
    canceled.addEventListener('abort', () => controller.abort(), { once: true });
    try {
      const context = { ...run, signal, guard: this.#guard };
      const socket = await dial(await resolveTarget(target, context), undefined, context);
      clearTimeout(timer);
      report('passing', 'connected', true);
      this.#follow(socket, end);
    } catch (error) {
      if (!isLate) end(describeError(error));
    } finally {
      clearTimeout(timer);
    }
  }

  #follow(socket: Socket, end: (what: string) => void): void {
    if (socket.destroyed) return end('the connection closed');
    socket.setKeepAlive(true, KEEP_ALIVE).resume();
    socket.once('end', () => socket.destroy());
    socket.once('close', () => end('the connection closed'));
  }
}
