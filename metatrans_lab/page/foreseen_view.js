// How well each word of the rules was foreseen: cells beside the rules, and all of it again as a table.

((metatrans) => {
  "use strict";

  const { CERTAIN, percent } = metatrans;
  const { make } = metatrans.dom;

  /**
   * A rule that was read.
   * @typedef {{words: string[], model: ?number[], exact: ?number[]}} Foreseen
   *     The words of its translation, as they are written; the probability that the model gave each of them, and the
   *     end, before it read it, and the exact predictor likewise; null where that isn't known.
   */

  const END = "end";

  /** Who has foreseen any of these rules. */
  const readersOf = (rules) => ["model", "exact"].filter((reader) => rules.some((rule) => rule[reader]));

  /** A probability; what came after all isn't said to have been impossible. */
  function chance(probability) {
    if (probability >= CERTAIN) return "100%";
    const told = percent(probability);
    return told === "0%" && probability > 0 ? "<1%" : told;
  }

  /** A rule's words in cells, each with its probabilities, which a table has for who can't see them. */
  function cells(rule) {
    const cell = (word, place) => {
      const odds = readersOf([rule]).map((reader) => {
        const probability = rule[reader][place];
        const shown = make(`i.${reader}`, chance(probability));
        shown.style.setProperty("--share", `${100 * probability}%`);
        shown.setAttribute("aria-hidden", "true");
        return shown;
      });
      return make("span.token", make("b", word), ...odds);
    };
    const end = cell(END, rule.words.length);
    end.classList.add("end");
    end.setAttribute("aria-hidden", "true");
    return make("span.tokens", ...rule.words.map(cell), end);
  }

  /** Nats by which something of this probability surprises. */
  const surprise = (probability) => Math.max(0, -Math.log(probability));

  const inNats = (nats) => (nats < Infinity ? nats.toFixed(2) : "∞");

  /** How surprised a reader is in all, by the words and ends of the rules that everybody has read who has read any. */
  function total(rules, reader) {
    const readers = readersOf(rules);
    const read = rules.filter((rule) => readers.every((one) => rule[one]));
    return read.flatMap((rule) => rule[reader]).reduce((sum, probability) => sum + surprise(probability), 0);
  }

  /** Whose cells are whose, with the surprise of each in all. */
  function legend(rules) {
    const sums = readersOf(rules).map((reader) =>
      make("span", make(`i.${reader}`, reader), ` surprised by ${inNats(total(rules, reader))} nats in all`),
    );
    return make("p.legend", ...sums);
  }

  /** A table of the same, with the surprise of each word. */
  function table(rules) {
    const readers = readersOf(rules);
    const told = (probability) => `${chance(probability)} (${inNats(surprise(probability))})`;
    const lines = rules.flatMap((rule, number) =>
      [...rule.words, END].map((word, place) => {
        const odds = readers.map((reader) => make("td", rule[reader] ? told(rule[reader][place]) : ""));
        return make("tr", make("td", `${number + 1}`), make("td", word), ...odds);
      }),
    );
    const sums = readers.map((reader) => make("td", inNats(total(rules, reader))));
    const heads = ["rule", "next is", ...readers.map((reader) => `${reader} (nats)`)];
    return make(
      "table.foreseen",
      make("caption", "How probable what came next was held to be, and the surprise in nats"),
      make("tr", ...heads.map((head) => make("th", head, { scope: "col" }))),
      ...lines,
      make("tr", make("th", "in all", { scope: "row" }), make("td"), ...sums),
    );
  }

  metatrans.foreseenView = { cells, legend, table };
})((globalThis.metatrans ??= {}));
