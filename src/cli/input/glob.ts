/** Matches names with glob patterns, in time proportional to name length times pattern length. */

/** `*` matches any text, `?` one character, `[a-z]` one of a range, `[!a-z]` one outside of it. */
export function matchesGlob(name: string, pattern: string): boolean {
  const steps = parsePattern(pattern);
  const characters = [...name];
  let at = 0;
  let step = 0;
  let star = -1; // the last `*` seen, and the end of the text it has matched
  let starEnd = 0;
  while (at < characters.length) {
    const current = steps[step];
    if (current === 'any') {
      star = step++;
      starEnd = at;
    } else if (current?.(characters[at] as string) === true) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++starEnd;
    } else return false;
  }
  while (steps[step] === 'any') step++;
  return step === steps.length;
}

type Step = 'any' | ((character: string) => boolean);

function parsePattern(pattern: string): Step[] {
  const characters = [...pattern];
  const steps: Step[] = [];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string;
    const end = character === '[' ? characters.indexOf(']', i + 2) : -1;
    if (character === '*') steps.push('any');
    else if (character === '?') steps.push(() => true);
    else if (end > 0) {
      steps.push(matchesOneOf(characters.slice(i + 1, end)));
      i = end;
    } else steps.push((other) => other === character);
  }
  return steps;
}

function matchesOneOf(characters: readonly string[]): Step {
  const none = characters[0] === '!' || characters[0] === '^';
  const set = none ? characters.slice(1) : characters;
  return (character) => {
    for (let i = 0; i < set.length; i++) {
      const from = set[i] as string;
      const ranged = set[i + 1] === '-' && set[i + 2] !== undefined;
      const to = ranged ? (set[i + 2] as string) : from;
      if (character >= from && character <= to) return !none;
      if (ranged) i += 2;
    }
    return none;
  };
}
