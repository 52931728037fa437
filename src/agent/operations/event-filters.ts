/**
 * Whether a filtered user event is for this agent: by its name, and by the services that are registered with it. Expressions of
 * peers are untrusted: all of one event share a step budget.
 *
 * Source: Consul agent/user_event.go, shouldProcessUserEvent.
 */
import { compilePattern, type Pattern, type StepBudget } from '../../base/pattern/pattern.ts';
import type { LocalView } from '../../checks/types.ts';
import type { FilterResult } from '../../serf/queries/filters.ts';
import type { EventFilter } from '../../wire/event-filter.ts';

/** As many as for the filters of a query. */
const MAX_STEPS = 100_000;

/** Never throws: an expression that cannot be evaluated matches no agent. */
export function evaluateEventFilter(filter: EventFilter, node: string, local: LocalView): FilterResult {
  const budget: StepBudget = { left: MAX_STEPS };
  const [nodes, services, tags] = [filter.node, filter.service, filter.tag].map((expression) =>
    expression === '' ? EVERYTHING : compilePattern(expression, budget),
  );
  if (nodes === undefined || services === undefined || tags === undefined)
    return { matches: false, error: 'an unsupported expression' };
  const matches =
    nodes.test(node, budget) === true && (filter.service === '' || hasService(local, services, tags, budget));
  if (budget.left < 0) return { matches: false, error: 'filters that take too long' };
  return { matches };
}

const EVERYTHING: Pattern = { test: () => true };

/** One service must match with its name and with one of its tags. */
function hasService(local: LocalView, services: Pattern, tags: Pattern, budget: StepBudget): boolean {
  for (const { definition } of local.services().values()) {
    if (budget.left < 0) return false;
    if (services.test(definition.name, budget) !== true) continue;
    if (tags === EVERYTHING || definition.tags.some((tag) => tags.test(tag, budget) === true)) return true;
  }
  return false;
}
