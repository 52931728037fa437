/** Long lists in parts that keep their text: an answer of ten thousand is made anew only where something changed. */

/** Neighbors in a list: all that one node has, or one instance. */
export class JsonPart<T> {
  readonly values: readonly T[];
  #json: string | undefined;

  constructor(values: readonly T[]) {
    this.values = values;
  }

  /** As they stand between the brackets of a list. */
  get json(): string {
    this.#json ??= JSON.stringify(this.values).slice(1, -1);
    return this.#json;
  }

  /** Those that are wanted; itself if these are all. */
  filter(wanted: (value: T) => boolean): JsonPart<T> {
    const some = this.values.filter(wanted);
    return some.length === this.values.length ? this : new JsonPart(some);
  }
}

/** A list made of parts. */
export class JsonParts<T> {
  readonly #parts: readonly JsonPart<T>[];

  constructor(parts: readonly JsonPart<T>[]) {
    this.#parts = parts;
  }

  filter(wanted: (value: T) => boolean): JsonParts<T> {
    return new JsonParts(this.#parts.map((part) => part.filter(wanted)));
  }

  get json(): string {
    const texts = this.#parts.filter(({ values }) => values.length > 0).map((part) => part.json);
    return `[${texts.join(',')}]`;
  }

  toJSON(): T[] {
    return this.#parts.flatMap(({ values }) => values);
  }
}
