/** I28: no observer shows two members whose names readers, or DNS, take for one. */
import { foldName } from '../../../config/names.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

export class FoldedNameLaw implements Law {
  readonly #context: LawContext;

  constructor(context: LawContext) {
    this.#context = context;
  }

  checkPeriodically(host: SimHost): void {
    if (host.agent === undefined || host.options.serfPeer === true) return;
    const names = new Map<string, string>();
    for (const { name } of host.agent.view.members()) {
      const folded = foldName(name);
      const other = names.get(folded);
      this.#context.judged('I28');
      if (other !== undefined)
        this.#context.reportViolation(`I28 ${host.label} shows both "${other}" and "${name}"`);
      names.set(folded, name);
    }
  }
}
