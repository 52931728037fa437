/** Names by pattern, in time that stays proportional to name times pattern whatever is asked. */

/** Does `name` match `pattern`? `*` any text, `?` one character, `[a-z]` one of, `[!a-z]` none of. */
export function matchesGlob(name: string, pattern: string): boolean {
  const steps = stepsOf(pattern);
  const letters = [...name];
  let at = 0;
  let step = 0;
  let star = -1; // the last `*` seen, and how much of the name it has eaten
  let eaten = 0;
  while (at < letters.length) {
    const current = steps[step];
    if (current === 'any') {
      star = step++;
      eaten = at;
    } else if (current?.(letters[at] as string) === true) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++eaten;
    } else return false;
  }
  while (steps[step] === 'any') step++;
  return step === steps.length;
}

type Step = 'any' | ((letter: string) => boolean);

function stepsOf(pattern: string): Step[] {
  const letters = [...pattern];
  const steps: Step[] = [];
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i] as string;
    const end = letter === '[' ? letters.indexOf(']', i + 2) : -1;
    if (letter === '*') steps.push('any');
    else if (letter === '?') steps.push(() => true);
    else if (end > 0) {
      steps.push(oneOf(letters.slice(i + 1, end)));
      i = end;
    } else steps.push((other) => other === letter);
  }
  return steps;
}

function oneOf(letters: readonly string[]): Step {
  const none = letters[0] === '!' || letters[0] === '^';
  const set = none ? letters.slice(1) : letters;
  return (letter) => {
    for (let i = 0; i < set.length; i++) {
      const from = set[i] as string;
      const ranged = set[i + 1] === '-' && set[i + 2] !== undefined;
      const to = ranged ? (set[i + 2] as string) : from;
      if (letter >= from && letter <= to) return !none;
      if (ranged) i += 2;
    }
    return none;
  };
}
