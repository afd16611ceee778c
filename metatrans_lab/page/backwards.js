// Which sentences a translation may be of: the exact posterior, asked the other way.
//
// Before the translation is heard, a form is as probable as its classes are to follow one another, which they do as in
// the examples (a Markov chain; of each class one more step, to any); and every word of a place's class is as
// probable. Under a hypothesis a form's plan then says which units the translation must say, so that its words name
// the sentence's; a place that the plan doesn't say may hold any word of its class that the examples have. Only a
// mark of the verb, which no plan says, is thought of where an example has one, and not elsewhere.

((metatrans) => {
  "use strict";

  const { Answer, UNKNOWN_WORD, both, inOrder, keyOf, meet, plansOf, stands, sumOf, sumWithin } = metatrans;

  /** Words of the longest sentence that is thought of. */
  const MAX_LENGTH = 12;

  /** Of those that a translation may be of, under all hypotheses; the search ends there. */
  const MAX_SENTENCES = 20_000;

  /**
   * The sentences that a translation may be of, the most probable first; none, if it can be none of the language. And
   * whether these are all that were to be looked at.
   *
   * @param {Belief} belief
   * @param {string[]} translation
   * @returns {[Answer[], boolean]}
   */
  function origins(belief, translation) {
    const mass = new Map();
    let number = 0;
    let isExact = belief.isExact;
    for (const [share, places] of everyOrigin(belief, translation)) {
      if (number >= MAX_SENTENCES) {
        isExact = false;
        break;
      }
      number += 1;
      const key = keyOf(places.map((word) => word ?? "\t")); // null is a word that no example has
      if (!mass.has(key)) mass.set(key, { places, share: 0 });
      mass.get(key).share += share;
    }
    let total = 0;
    for (const { share } of mass.values()) total += share;
    const found = Array.from(mass.values(), ({ places, share }) => {
      const said = places.map((word) => ({ unit: word ?? UNKNOWN_WORD, words: word === null ? null : [word] }));
      return new Answer(said, share / total);
    });
    return [inOrder(found), isExact];
  }

  function* everyOrigin(belief, translation) {
    for (const [weight, posterior, h] of belief.weighted()) {
      for (const [ofClasses, one] of h.inFull()) {
        for (const [share, places] of ofHypothesis(posterior, one, translation)) {
          yield [weight * ofClasses * share, places];
        }
      }
    }
  }

  function* ofHypothesis(posterior, h, translation) {
    const component = posterior.components[h.component];
    const wordsOf = component.family.classSizes.map(() => []);
    for (const [word, ofClass] of h.decided) wordsOf[ofClass].push(word);
    const total = sumOf(h.prior);
    const heard = posterior.examples.map((example) => example.source.map((word) => h.decided.get(word)));
    const chain = new Chain(heard, component);
    const hasMarks = heard.some((form) => component.family.marksVerb(form));
    for (let length = 1; length <= MAX_LENGTH; length++) {
      for (const form of component.family.forms(length)) {
        if (!posterior.maySay(component.family, form, translation.length)) continue;
        if (!hasMarks && component.family.marksVerb(form)) continue;
        const tree = plansOf(component.family, form, h.settings).tree;
        for (const [said, settings] of heardOf(posterior, h, form, tree, translation)) {
          const prior = (sumWithin(h.prior, settings) / total) * chain.probability(form);
          yield* filled(form, said, wordsOf, prior);
        }
      }
    }
  }

  /** How classes follow one another in the examples, and begin and end them. */
  class Chain {
    constructor(forms, component) {
      this.seen = new Map();
      this.each = new Map();
      this.size = component.family.classSizes.length + 1;
      const count = (counts, key) => counts.set(key, (counts.get(key) || 0) + 1);
      for (const form of forms) {
        for (const [one, next] of stepsOf(form)) {
          count(this.seen, `${one} ${next}`);
          count(this.each, one);
        }
      }
    }

    /** Of a sentence's form. */
    probability(form) {
      let probability = 1;
      for (const [one, next] of stepsOf(form)) {
        probability *= ((this.seen.get(`${one} ${next}`) || 0) + 1 / this.size) / ((this.each.get(one) || 0) + 1);
      }
      return probability;
    }
  }

  /** Each class with the next one; null is a sentence's begin and end. */
  function stepsOf(form) {
    const all = [null, ...form, null];
    return all.slice(1).map((next, number) => [all[number], next]);
  }

  /** What a translation says of the places of a form, null of a word that no example has, and the settings for it. */
  function* heardOf(posterior, h, form, tree, translation) {
    const undone = [{ node: tree, heard: 0, said: new Map() }];
    while (undone.length) {
      const { node, heard, said } = undone.pop();
      const left = translation.length - heard;
      if (left === 0 && node.ends !== null && meet(node.ends, h.settings)) yield [said, both(node.ends, h.settings)];
      if (!posterior.fits(node, left)) continue;
      for (const { item, node: after } of node.following) {
        if (!after.allows(h.settings)) continue;
        if (said.has(item)) {
          const word = said.get(item);
          const string = word === null ? translation.slice(heard, heard + 1) : h.lexicon.get(word);
          if (string !== undefined && stands(string, translation, heard)) {
            undone.push({ node: after, heard: heard + string.length, said });
          }
          continue;
        }
        for (const [unit, size] of unitsAt(h, translation, heard)) {
          if (item < 0) {
            if (unit === item) undone.push({ node: after, heard: heard + size, said });
          } else if (unit === null || (typeof unit === "string" && h.decided.get(unit) === form[item])) {
            undone.push({ node: after, heard: heard + size, said: new Map([...said, [item, unit]]) });
          }
        }
      }
    }
  }

  /** The units whose string begins here, with its length; null for a word that is of no unit's string. */
  function unitsAt(h, translation, heard) {
    const found = [];
    for (const [unit, string] of h.lexicon) {
      if (string.length && stands(string, translation, heard)) found.push([unit, string.length]);
    }
    if (!found.length && heard < translation.length) found.push([null, 1]);
    return found;
  }

  /** The sentences of a form of which some places are known, with their probabilities. */
  function filled(form, said, wordsOf, prior) {
    let partial = [[prior, []]];
    form.forEach((ofClass, place) => {
      const words = wordsOf[ofClass];
      // Each word of the class was as probable, and one more, that no example has.
      const options = said.has(place)
        ? [[1 / (words.length + 1), said.get(place)]]
        : words.map((word) => [1 / words.length, word]);
      partial = partial.flatMap(([share, places]) => options.map(([odds, word]) => [share * odds, [...places, word]]));
    });
    return partial;
  }

  Object.assign(metatrans, { origins });
})((globalThis.metatrans ??= {}));
