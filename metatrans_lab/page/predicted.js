// How well what the examples say could be foreseen: word by word, by those before.

((metatrans) => {
  "use strict";

  const { Belief, answersOf, inGoodOrder, posteriorOf } = metatrans;

  /**
   * How probable a translation is, word by word. A word that no example has counts as any such word.
   *
   * @param {Belief} belief Of languages in which each word is one of the translation, and no two are the same.
   * @param {string[]} sentence
   * @param {string[]} target Its translation.
   * @returns {number[]} The probability of each word after those before it, and of the end after all of them; 0 from
   *     the first on that is impossible. The product is that of the translation, where the language has the sentence.
   */
  function tokenProbabilities(belief, sentence, target) {
    const heard = new Set(belief.examples.flatMap((example) => example.target));
    const possible = answersOf(belief, sentence);
    // How many of the target's words each answer has, from the first on.
    const agreeing = possible.map((answer) => countAgreeing(answer.translation, target, heard));
    const massOf = (holds) =>
      possible.reduce((sum, answer, number) => (holds(answer, agreeing[number]) ? sum + answer.probability : sum), 0);
    const masses = [...target.keys(), target.length].map((place) => massOf((_, number) => number >= place));
    masses.push(massOf((answer, number) => number === target.length && answer.translation.length === number));
    return masses.slice(1).map((mass, place) => (masses[place] ? mass / masses[place] : 0));
  }

  /** The number of words that a translation has in common with a target, from the first on. */
  function countAgreeing(translation, target, heard) {
    const meant = new Map(); // by the units that no example says
    for (const [place, { unit, words }] of translation.entries()) {
      const word = target[place];
      if (words === null && !meant.has(unit)) {
        if (word === undefined || heard.has(word) || [...meant.values()].includes(word)) return place;
        meant.set(unit, word);
      } else if (word !== (words === null ? meant.get(unit) : words[0])) {
        return place;
      }
    }
    return translation.length;
  }

  /**
   * How well each example could be foreseen by those before it, under the most probable reading of all.
   *
   * @param {ExactTranslator} translator
   * @returns {?Generator<?{probabilities: number[], belief: Belief, before: Example[]}>} Of each example, the
   *     `tokenProbabilities` of its translation, and by which belief, after which examples; null of one that was left
   *     out. In place of all null, where a word needn't be one of the translation, or two may be the same.
   */
  function predicted(translator) {
    const { longest, alike } = translator.understanding.reading;
    return longest > 1 || alike ? null : eachPredicted(translator);
  }

  function* eachPredicted({ understanding: { reading }, leftOut, sides }) {
    const before = [];
    for (const [number, example] of sides.examples.entries()) {
      if (leftOut.includes(number)) {
        yield null;
        continue;
      }
      const belief = Belief.of([posteriorOf(reading, inGoodOrder(before), sides.classes)], [1]);
      const probabilities = tokenProbabilities(belief, example.source, example.target);
      yield { probabilities, belief, before: [...before] };
      before.push(example);
    }
  }

  Object.assign(metatrans, { predicted, tokenProbabilities });
})((globalThis.metatrans ??= {}));
