// What a person's examples have taught, as facts with their probabilities, and the example that settled each.

((metatrans) => {
  "use strict";

  const { Belief, compareOdds, compareTexts, learnedAfter, product, sumOf, sumWithin } = metatrans;

  /** A fact of this probability counts as settled. */
  const SURE = 0.99;

  /** Hypotheses: with more on the way, it isn't said which example settled what. */
  const MAX_TRACED = 2_000;

  /** The units of the grammar that no word says. */
  const PARTICLES = new Map([
    [-1, "subject"],
    [-2, "object"],
  ]);

  const KINDS = ["family", "word", "particle", "class", "switch"];

  /** Something that the language has. */
  class Fact {
    /**
     * @param {string} kind "family", "word", "particle", "class" or "switch".
     * @param {string} of Which word, particle or switch; "" of the family.
     * @param {[string, number][]} values What it may be, "" of a word that isn't said, the most probable first, with
     *     probabilities. They sum to less than 1 where only some of the languages have such a thing.
     * @param {?number} settledBy The number, from 0, of the first example after which its value is sure; null: it
     *     isn't, or that isn't known.
     */
    constructor(kind, of, values, settledBy = null) {
      Object.assign(this, { kind, of, values, settledBy });
    }

    /** Is it more probable than not that the language has such a thing, and that it is the first value? */
    get isLikely() {
      return compareOdds(this.values[0][1], 0.5) > 0;
    }
  }

  const keyOfFact = (kind, of) => `${kind}\n${of}`;

  /**
   * The facts of a belief: its family, then words in the order of their first use, particles, classes and switches.
   *
   * @param {Belief} belief
   * @returns {Fact[]}
   */
  function learned(belief) {
    const found = new Map();
    const add = (kind, of, value, weight) => {
      const key = keyOfFact(kind, of);
      if (!found.has(key)) found.set(key, { kind, of, values: new Map() });
      const { values } = found.get(key);
      values.set(value, (values.get(value) || 0) + weight);
    };
    const heard = new Set(belief.examples.flatMap((example) => example.source));
    for (const [weight, posterior, h] of belief.weighted()) {
      const component = posterior.components[h.component];
      add("family", "", component.name, weight);
      for (const [unit, string] of h.lexicon) {
        if (typeof unit === "string") add("word", unit, string.join(" "), weight);
        else add("particle", PARTICLES.get(unit), string.join(" "), weight);
      }
      for (const word of heard) {
        if (!h.lexicon.has(word)) add("word", word, "", weight); // it was never said
      }
      if (component.classNames.length) {
        for (const [word, classes] of classesOf(h)) {
          for (const [ofClass, odds] of classes) add("class", word, component.classNames[ofClass], weight * odds);
        }
      }
      for (const [name, value, share] of switchesOf(component.family, h.weights)) {
        // What one word says in order, two families may have a switch of the same name for.
        add("switch", `${component.name}: ${name}`, value, weight * share);
      }
    }
    const facts = Array.from(found.values(), ({ kind, of, values }) => {
      const sorted = [...values].sort((one, other) => compareOdds(other[1], one[1]) || compareTexts(one[0], other[0]));
      return new Fact(kind, of, sorted);
    });
    const firstUse = new Map(Array.from(heard, (word, number) => [word, number]));
    const place = (fact) => firstUse.get(fact.of) || 0;
    return facts.sort(
      (one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || place(one) - place(other),
    );
  }

  const ofWeights = new WeakMap(); // of each family, as a family of one setting has the weights of any other

  /** The values that switches may have by the weights of settings, each with its probability. */
  function switchesOf(family, weights) {
    if (!ofWeights.has(weights)) ofWeights.set(weights, new Map());
    let found = ofWeights.get(weights).get(family);
    if (found === undefined) {
      found = [];
      let number = 0;
      const total = sumOf(weights);
      for (const [name, values] of family.switches) {
        const sums = sumsByValue(weights, family.valueNumbers[number++], values.length);
        values.forEach((value, v) => {
          if (values.length > 1 && sums[v] > 0) found.push([name, value, sums[v] / total]);
        });
      }
      ofWeights.get(weights).set(family, found);
    }
    return found;
  }

  /** The weights of the settings with each value of a switch; numbers: of each setting, that of its value. */
  function sumsByValue(weights, numbers, numValues) {
    const sums = new Float64Array(numValues);
    for (let s = 0; s < weights.length; s++) sums[numbers[s]] += weights[s];
    return sums;
  }

  /** The classes that words may be of under a hypothesis, with their probabilities. */
  function classesOf(h) {
    const found = new Map();
    for (const [word, ofClass] of h.decided) found.set(word, new Map([[ofClass, 1]]));
    for (const group of h.groups) {
      const others = h.groups.filter((other) => other !== group).map((other) => other.weights);
      const rest = product(h.prior, others);
      for (const way of group.ways) {
        const possible = sumWithin(rest, way.settings) / h.total;
        for (const [word, ofClass] of way.classes) {
          if (!found.has(word)) found.set(word, new Map());
          const odds = found.get(word);
          odds.set(ofClass, (odds.get(ofClass) || 0) + way.share * possible);
        }
      }
    }
    return found;
  }

  /**
   * The facts, with what settled them: of the examples in the order in which the person gave them, under the belief's
   * most probable reading.
   *
   * @param {Fact[]} facts As `learned` has them after all examples.
   * @param {Belief} belief
   * @param {Example[]} examples
   */
  function withExamples(facts, belief, examples) {
    const settled = new Map();
    const start = belief.posteriors[belief.likeliest];
    for (let number = 0; number < examples.length; number++) {
      const after = learnedAfter(start, examples.slice(0, number + 1));
      if (!after.hypotheses.length || after.hypotheses.length > MAX_TRACED) return facts;
      const now = new Map(firstValues(after));
      for (const fact of facts) {
        const key = keyOfFact(fact.kind, fact.of);
        const [value, probability] = now.get(key) || [null, 0];
        if (value === fact.values[0][0] && probability >= SURE) {
          if (!settled.has(key)) settled.set(key, number);
        } else settled.delete(key);
      }
    }
    return facts.map(
      ({ kind, of, values }) => new Fact(kind, of, values, settled.get(keyOfFact(kind, of)) ?? null),
    );
  }

  const known = new WeakMap(); // of posteriors that a person's next letter finds again

  /** Of each fact after some examples, its most probable value. */
  function firstValues(posterior) {
    if (!known.has(posterior)) {
      const facts = learned(Belief.of([posterior], [1]));
      known.set(posterior, facts.map((fact) => [keyOfFact(fact.kind, fact.of), fact.values[0]]));
    }
    return known.get(posterior);
  }

  Object.assign(metatrans, { classesOf, learned, withExamples });
})((globalThis.metatrans ??= {}));
