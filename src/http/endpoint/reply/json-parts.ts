/**
 * Long lists as parts that keep their serialized text: after a change only the parts that changed are encoded again.
 */

/** Consecutive elements of a list: all checks of a node, or one instance. */
export class JsonPart<T> {
  readonly values: readonly T[];
  #json: string | undefined;

  constructor(values: readonly T[]) {
    this.values = values;
  }

  /** The elements as JSON, without the brackets of a list. */
  get json(): string {
    this.#json ??= JSON.stringify(this.values).slice(1, -1);
    return this.#json;
  }

  /** Returns itself, with its text, if all elements are wanted. */
  filter(wanted: (value: T) => boolean): JsonPart<T> {
    const some = this.values.filter(wanted);
    return some.length === this.values.length ? this : new JsonPart(some);
  }
}

/** A list of parts. */
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
