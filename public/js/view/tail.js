// @ts-check
/** @file Keeps a scrolling list at its end while its reader is there, whatever grows or shrinks. Who scrolled up to read stays where they are. */

/** How near the end counts as being there. */
const NEAR_PX = 80;

export class Tail {
  #list;
  #following = true;
  /** The size that was last dealt with. */
  #size = "";

  /** @param {HTMLElement} list an element that scrolls */
  constructor(list) {
    this.#list = list;
    list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A banner above it, a turned phone, a keyboard: the list gets another size without a word from anybody.
    new ResizeObserver(() => {
      this.#size = sizeOf(list);
      this.follow();
    }).observe(list);
  }

  /** To be called when the content has grown. */
  follow() {
    if (this.#following) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #scrolled() {
    // A new size moves the end away before the observer has a chance to follow: nobody scrolled.
    if (sizeOf(this.#list) !== this.#size) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }
}

/** @param {HTMLElement} list */
function sizeOf({ clientWidth, clientHeight }) {
  return `${clientWidth}x${clientHeight}`;
}
