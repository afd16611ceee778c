// Elements of the page: made with their text as text, so that nothing that was typed is read as HTML.

((metatrans) => {
  "use strict";

  const { CERTAIN } = metatrans;

  /** The page's element of this id. */
  const at = (id) => document.getElementById(id);

  /**
   * A new element.
   *
   * @param {string} name Its name, with classes behind dots: "div.note".
   * @param {...(string|Node|object)} inside Texts and elements in it; of an object, the values are its properties.
   * @returns {HTMLElement}
   */
  function make(name, ...inside) {
    const [tag, ...classes] = name.split(".");
    const element = document.createElement(tag);
    element.classList.add(...classes);
    for (const part of inside) {
      if (typeof part === "string" || part instanceof Node) element.append(part);
      else Object.assign(element, part);
    }
    return element;
  }

  /** A sentence at the side of an answer. */
  const note = (text, kind = "") => make(kind ? `div.note.${kind}` : "div.note", text);

  /** Rows of two cells: what is said, and what is said of it. */
  const rows = (pairs) => make("div.rows", ...pairs.flatMap(([left, right]) => [make("span", left), make("span", right)]));

  /** A bar of a probability. */
  function bar(probability) {
    const full = make("i");
    full.style.width = `${100 * probability}%`;
    return make(probability >= CERTAIN ? "span.bar.full" : "span.bar", full);
  }

  metatrans.dom = { at, bar, make, note, rows };
})((globalThis.metatrans ??= {}));
