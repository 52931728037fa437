/** The terminal as a screen: another buffer while it is used, only changed lines are drawn, and all is as it was afterwards. */
import type { Output } from '../io.ts';
import type { Size } from './render.ts';

const ESC = '\u001b[';
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}2J`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;
/** A terminal that does not tell its size has this one. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

export class Screen {
  readonly #out: Output;
  #drawn: readonly string[] = [];
  #size: Size = DEFAULT_SIZE;
  #isOpen = true;

  constructor(out: Output) {
    this.#out = out;
    out.write(ENTER);
  }

  /** The size now; after a change everything is drawn anew. */
  measure(): Size {
    const size = this.#out.size?.() ?? DEFAULT_SIZE;
    if (size.columns !== this.#size.columns || size.rows !== this.#size.rows) {
      this.#drawn = [];
      if (this.#isOpen) this.#out.write(`${ESC}2J`);
    }
    this.#size = size;
    return size;
  }

  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const changed = lines.flatMap((line, i) =>
      line === this.#drawn[i] ? [] : [`${ESC}${i + 1};1H${line}${ESC}K`],
    );
    this.#drawn = lines;
    if (changed.length > 0) this.#out.write(changed.join(''));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#out.write(LEAVE);
  }
}
