/** Long lists in parts that keep their text: an answer of ten thousand is made anew only where something changed. */

/** Neighbors in a list: all that one node has, or one instance. */
export class Part<T> {
  readonly values: readonly T[];
  #text: string | undefined;

  constructor(values: readonly T[]) {
    this.values = values;
  }

  /** As they stand between the brackets of a list. */
  get text(): string {
    this.#text ??= JSON.stringify(this.values).slice(1, -1);
    return this.#text;
  }

  /** Those that are wanted; itself if these are all. */
  where(wanted: (value: T) => boolean): Part<T> {
    const some = this.values.filter(wanted);
    return some.length === this.values.length ? this : new Part(some);
  }
}

/** A list made of parts. */
export class Parts<T> {
  readonly #parts: readonly Part<T>[];

  constructor(parts: readonly Part<T>[]) {
    this.#parts = parts;
  }

  where(wanted: (value: T) => boolean): Parts<T> {
    return new Parts(this.#parts.map((part) => part.where(wanted)));
  }

  get text(): string {
    const texts = this.#parts.filter(({ values }) => values.length > 0).map((part) => part.text);
    return `[${texts.join(',')}]`;
  }

  toJSON(): T[] {
    return this.#parts.flatMap(({ values }) => values);
  }
}
