/** An engine as plain data, a tracker and a registry, with one virtual clock. */
import { parseInspected, parseListed } from '../../../../src/register/containers/container.ts';
import { isSelected } from '../../../../src/register/containers/labels.ts';
import { OwnServices, planChanges } from '../../../../src/register/containers/reconcile.ts';
import { ContainerTracker } from '../../../../src/register/containers/tracker.ts';
import { RegistryAgent } from './agent.ts';
import { type ContainerDraft, inspection, listed, OPTIONS, PUBLISHED } from './values.ts';

export const idOf = (number: number): string => number.toString(16).padStart(12, '0').padEnd(64, 'e');

export class Scene {
  readonly engine = new Map<string, ContainerDraft>();
  readonly refusals: string[] = [];
  now = 1000;
  agent: RegistryAgent;
  tracker: ContainerTracker;

  constructor() {
    this.agent = new RegistryAgent(() => this.now);
    this.tracker = this.#createTracker();
  }

  #createTracker(): ContainerTracker {
    const tracker = new ContainerTracker({
      ...OPTIONS,
      selects: (labels) => isSelected(labels, 'label'),
      onRefused: (container, reason) => this.refusals.push(`${container}: ${reason}`),
    });
    for (const key of this.#own().containers()) tracker.restore(key);
    tracker.onAway(this.now);
    return tracker;
  }

  #own(): OwnServices {
    return new OwnServices(this.agent.handle.view.local, 'docker');
  }

  restartAgent(): void {
    this.agent = new RegistryAgent(() => this.now, this.agent.snapshot());
    this.tracker = this.#createTracker();
  }

  add(number: number, draft: ContainerDraft = {}): string {
    const id = idOf(number);
    this.engine.set(id, {
      ...{ id, name: `c${number}`, labels: { 'hearsay.name': 'web' }, ports: PUBLISHED },
      ...draft,
    });
    return id;
  }

  set(id: string, change: ContainerDraft): void {
    this.engine.set(id, { ...this.engine.get(id), ...change });
  }

  list(): void {
    const running = [...this.engine.values()].filter(({ state }) => state?.['Status'] !== 'exited');
    this.tracker.onList(
      running.map((draft) => parseListed(JSON.stringify(listed(draft)))),
      [],
    );
    this.tracker.onBack();
    this.tracker.markAllChanged(this.#own().containers());
    this.work(true);
  }

  event(id: string, action: string, exitCode?: number): void {
    this.tracker.onEvent({ id, action, exitCode }, this.now);
    this.work();
  }

  advance(millis: number): void {
    this.now += millis;
    this.work();
  }

  /** Inspects and applies until nothing is left to do. */
  work(refreshes = false): void {
    this.tracker.tick(this.now);
    for (;;) {
      const taken = this.tracker.isAway ? [] : this.tracker.takeInspections(3);
      for (const one of taken) {
        const draft = [...this.engine.values()].find(({ id }) => id?.startsWith(one.id));
        const body = draft && parseInspected(JSON.stringify(inspection(draft)), one.id);
        this.tracker.onInspected(one, body, this.now);
      }
      const wanted = this.tracker.takeChanged(2);
      for (const { commands } of planChanges(wanted, this.#own(), this.agent.handle.view.local, refreshes))
        for (const command of commands) this.agent.execute(command);
      if (taken.length === 0 && wanted.size === 0) return;
    }
  }

  /** `c1 passing`, by the name of the container. */
  services(): string[] {
    return [...this.agent.services()].map(
      ([id, { status }]) => `${id.split(':')[1]?.replace(/^0+/, '')} ${status}`,
    );
  }

  output(): string {
    return [...this.agent.services().values()][0]?.output ?? '';
  }
}

export const ended = (ExitCode: number, OOMKilled = false): ContainerDraft => ({
  state: { Status: 'exited', ExitCode, OOMKilled },
});
