// What a belief says of a sentence: the translations that it may have, with their odds.

((metatrans) => {
  "use strict";

  const { MAX_WAYS, PARTICLE, UNKNOWN_WORD, both, compareLists, idOf, keyOf, keyOfUnit, noSettings } = metatrans;
  const { parses, plansOf, product, shared, take, together } = metatrans;

  /** The units that no word says. */
  const PARTICLES = [PARTICLE, PARTICLE - 1];

  /** A probability that is 1, to rounding. */
  const CERTAIN = 1 - 1e-9;

  /**
   * A unit of a translation.
   * @typedef {{unit: string|number, words: ?string[]}} Said
   *     Which it is: a word of the sentence, or a particle; its own words, which may be none; null where no example
   *     says them.
   */

  /** A translation that is possible. */
  class Answer {
    /**
     * @param {Said[]} translation With whose words.
     * @param {number} probability Of it, where an unknown word is any word.
     * @param {number} possible The probability that the language has such a sentence at all.
     */
    constructor(translation, probability, possible = 1) {
      this.translation = translation;
      this.probability = probability;
      this.possible = possible;
    }

    /** Are all of its words known? */
    get isComplete() {
      return this.translation.every((said) => said.words !== null);
    }

    /** Its words, `UNKNOWN_WORD` for one that isn't known. */
    get words() {
      return this.translation.flatMap((said) => (said.words === null ? [UNKNOWN_WORD] : said.words));
    }
  }

  /** Which of two probabilities is greater, as a number below 0 or above; 0, if they are the same but for rounding. */
  function compareOdds(one, other) {
    return Math.fround(one) - Math.fround(other);
  }

  /** Answers, the most probable first. */
  function inOrder(answers) {
    const words = new Map(answers.map((answer) => [answer, answer.words]));
    return answers.sort(
      (one, other) =>
        compareOdds(other.probability, one.probability) || compareLists(words.get(one), words.get(other)),
    );
  }

  /**
   * All translations that a sentence may have, the most probable first; none, if the sentence can be none of a
   * language of these examples.
   *
   * @param {Belief} belief
   * @param {string[]} sentence
   * @returns {Answer[]}
   */
  function answersOf(belief, sentence) {
    const found = new Map();
    let hasSentence = 0;
    let total = 0;
    for (const { weight, posterior, h } of toldApart(belief, sentence)) {
      const possible = translations(posterior, h, sentence);
      if (possible.length) hasSentence += weight;
      for (const { probability, translation } of possible) {
        const share = weight * probability;
        const key = asHeard(translation);
        const known = found.get(key);
        if (known === undefined) found.set(key, { mass: share, best: share, translation });
        else {
          known.mass += share;
          if (share > known.best * (1 + 1e-9)) Object.assign(known, { best: share, translation });
        }
      }
    }
    for (const { mass } of found.values()) total += mass;
    return inOrder(
      Array.from(found.values(), ({ mass, translation }) => new Answer(translation, mass / total, hasSentence)),
    );
  }

  /** The hypotheses of a belief, of those that say the same of a sentence one, with the probability of all. */
  function toldApart(belief, sentence) {
    const found = new Map();
    for (const [weight, posterior, h] of belief.weighted()) {
      const [own] = h.divide(sentence);
      const parts = [
        belief.posteriors.indexOf(posterior),
        h.component,
        kindOf(h),
        own.map(numberOf).join(),
        sentence.map((word) => h.decided.get(word)).join(),
      ];
      for (const unit of sentence) parts.push(keyOfString(h.lexicon.get(unit)));
      for (const unit of PARTICLES) parts.push(keyOfString(h.lexicon.get(unit)));
      const key = parts.join("\r");
      const known = found.get(key);
      if (known === undefined) found.set(key, { weight, posterior, h });
      else known.weight += weight;
    }
    return [...found.values()];
  }

  const kinds = new WeakMap();

  /** A number that hypotheses have in common whose settings are as probable. */
  function kindOf(h) {
    const { weights, total } = h;
    if (!kinds.has(weights)) kinds.set(weights, idOf(shared(weights.map((weight) => weight / total))));
    return kinds.get(weights);
  }

  const numbers = new WeakMap();
  let nextNumber = 1;

  /** A number that this group alone has. */
  function numberOf(group) {
    let number = numbers.get(group);
    if (number === undefined) {
      number = nextNumber++;
      numbers.set(group, number);
    }
    return number;
  }

  function keyOfString(string) {
    return string === undefined ? "\t" : keyOf(string);
  }

  /** Translations are the same answer if this is: their words, and what is not known of them. */
  function asHeard(translation) {
    const parts = [];
    for (const { unit, words } of translation) {
      if (words === null) parts.push(`\t${keyOfUnit(unit)}`);
      else parts.push(...words);
    }
    return keyOf(parts);
  }

  /**
   * The translations that a sentence may have under a hypothesis; none, if the sentence is impossible.
   *
   * @returns {{probability: number, translation: Said[], form: number[], settings: number[]}[]} Of each the
   *     probability of it and of the form, to a factor that all have in common; what is said; the form of the
   *     sentence; the settings for which it is so.
   */
  function translations(posterior, h, sentence) {
    const component = posterior.components[h.component];
    const [own, others] = h.divide(sentence);
    const found = [];
    let rest = null;
    for (const { form, groups, odds } of parses(component, sentence, h.decided, own, posterior.classes)) {
      rest ??= product(h.prior, others.map((group) => group.weights));
      // Given the setting groups are independent.
      const weights = product(rest, groups.map((group) => group.weights));
      const plans = plansOf(component.family, form, h.settings);
      const ofSetting = plans.ofSetting;
      const ofPlans = new Float64Array(plans.list.length);
      const factor = odds / h.total;
      for (let s = 0; s < weights.length; s++) {
        if (ofSetting[s] >= 0) ofPlans[ofSetting[s]] += weights[s];
      }
      plans.list.forEach(({ items, settings }, number) => {
        const probability = ofPlans[number] * factor;
        if (!(probability > 0)) return;
        const translation = items.map((item) => {
          const unit = item >= 0 ? sentence[item] : item;
          return { unit, words: h.lexicon.get(unit) ?? null };
        });
        found.push({ probability, translation, form, settings });
      });
    }
    return found;
  }

  /**
   * A hypothesis, if a sentence is of one of these forms, of each for some settings, which aren't all impossible; with
   * the classes of the sentence's new words.
   *
   * @param {Map<string, number[]>} settings By forms, written with commas.
   */
  function given(posterior, h, sentence, settings) {
    const [own, others] = h.divide(sentence);
    const chosen = [];
    const component = posterior.components[h.component];
    for (const { form, groups, fresh, odds } of parses(component, sentence, h.decided, own, posterior.classes)) {
      const possible = both(h.settings, settings.get(form.join()) || noSettings(component.numSettings));
      for (const way of take(together(groups, possible), MAX_WAYS + 1 - chosen.length)) {
        const classes = new Map([...way.classes, ...fresh]);
        chosen.push({ classes, settings: way.settings, share: way.share * odds });
      }
    }
    return h.withWays(chosen, others);
  }

  Object.assign(metatrans, { Answer, CERTAIN, answersOf, asHeard, compareOdds, given, inOrder, translations });
})((globalThis.metatrans ??= {}));
