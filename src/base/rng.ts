/** A random number generator with a seed: the only source of randomness below the shell. Nonces come in as bytes. */

export interface Rng {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, below). `below` is at least 1. */
  int(below: number): number;
  /** An independent generator: two users do not change each other's numbers. */
  fork(): Rng;
  /** An independent generator of this name, which takes no number of this one: a new user does not change what others draw. */
  derive(name: string): Rng;
}

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded by splitmix32. The same seed gives the same numbers on every platform. */
export function createRng(seed: number): Rng {
  let mix = seed | 0;
  const split = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix ^ (mix >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) | 0;
  };
  let a = split();
  let b = split();
  let c = split();
  let counter = 1;
  const draw = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) draw();
  return {
    next: () => draw() / 0x1_0000_0000,
    int: (below) => Math.floor((draw() / 0x1_0000_0000) * below),
    fork: () => createRng(draw()),
    derive: (name) => createRng(fnv1a(name, seed)),
  };
}

/** FNV-1a (Fowler, Noll, Vo) of a text, begun with `seed`. */
function fnv1a(text: string, seed: number): number {
  let hash = Math.imul(seed, 0x9e3779b9) ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Shuffles in place (Fisher-Yates). */
export function shuffle<T>(items: T[], rng: Rng): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const a = items[i] as T;
    items[i] = items[j] as T;
    items[j] = a;
  }
  return items;
}
