// Languages with operators: words that say how others are said.
//
//     after a term x           twice: x x; thrice: x x x
//     between terms x and y    straight: x y; reversed: y x; around: x y x

((metatrans) => {
  "use strict";

  const { Family, combinations } = metatrans;

  const AFTER = ["twice", "thrice"];
  const BETWEEN = ["straight", "reversed", "around"];

  /** The classes of source words; each operator is one of its own. */
  const [WORD, AFTER_1, AFTER_2, BETWEEN_1, BETWEEN_2] = [0, 1, 2, 3, 4];

  class RepetitionFamily extends Family {
    constructor() {
      super(
        [6, 1, 1, 1, 1],
        [
          [`operator_${AFTER_1}`, AFTER],
          [`operator_${AFTER_2}`, AFTER],
          [`operator_${BETWEEN_1}`, BETWEEN],
          [`operator_${BETWEEN_2}`, BETWEEN],
        ],
      );
    }

    allForms() {
      const terms = [[WORD], [WORD, AFTER_1], [WORD, AFTER_2]];
      const sentences = combinations(terms, [[], [BETWEEN_1], [BETWEEN_2]], terms);
      return [...terms, ...sentences.map(([x, operator, y]) => [...x, ...operator, ...y])];
    }

    bounds(form) {
      return [form.filter((ofClass) => ofClass === WORD).length, 9]; // around: three terms, each of them thrice
    }

    plan(form, setting) {
      const said = []; // of each term
      let combine = "straight";
      form.forEach((ofClass, place) => {
        if (ofClass === WORD) said.push([place]);
        else if (ofClass === AFTER_1 || ofClass === AFTER_2) {
          const times = setting[`operator_${ofClass}`] === "twice" ? 2 : 3;
          said[said.length - 1] = new Array(times).fill(place - 1);
        } else combine = setting[`operator_${ofClass}`];
      });
      if (said.length === 1) return said[0];
      const [x, y] = said;
      return { straight: [x, y], reversed: [y, x], around: [x, y, x] }[combine].flat();
    }
  }

  Object.assign(metatrans, { RepetitionFamily });
})((globalThis.metatrans ??= {}));
