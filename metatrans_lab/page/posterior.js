// What can be believed of a person's language after their examples: the exact posterior over hypotheses.
//
// A hypothesis is of which family the language is, the string of target words that the translations then give every
// unit, and, of the classes of words and the settings of the switches, all that then explain the examples. An example
// divides a hypothesis by the strings that its new units may have; what the translation contradicts is dropped.

((metatrans) => {
  "use strict";

  const { Group, anyOf, both, compareTexts, countSettings, divided, either, idOf, meet, parses } = metatrans;
  const { plansOf, product, shared, sumOf, together } = metatrans;

  /** Of a person's language: where more are alive the least probable are left out, and answers aren't exact then. */
  const MAX_HYPOTHESES = 6_000;

  /** To give the words of a group their classes: as many are kept of a hypothesis, and likewise. */
  const MAX_WAYS = 1_000;

  /** How many times as many are made at an example, of which the most probable are kept. */
  const DIVIDED = 3;

  /** A text that equal sentences alone have in common: words have no line breaks. */
  const keyOf = (words) => words.join("\n");

  /** The first of what is generated. */
  function* take(generator, most) {
    let number = 0;
    if (most <= 0) return;
    for (const one of generator) {
      yield one;
      if (++number >= most) return;
    }
  }

  /** What a person's language may be. */
  class Hypothesis {
    #total = null;
    #logWeight = null;

    /**
     * @param {object} fields
     * @param {number} fields.component The number of its family.
     * @param {number[]} fields.settings Of its switches that are possible.
     * @param {Float64Array} fields.prior How probable each setting is by what is decided, to a factor.
     * @param {number} fields.logPrior The logarithm of that factor, and of the strings' probability.
     * @param {Map<string, number>} fields.decided The classes of words that are of one class alone.
     * @param {Group[]} fields.groups The other words so far.
     * @param {Map<string|number, string[]>} fields.lexicon The string of every unit so far; a unit is a source word,
     *     or, below 0, one that no word of the source says.
     * @param {Map<string, string|number>} fields.units The unit of each string, by the string's key.
     * @param {boolean} fields.isExact No way to give words classes had to be left out.
     */
    constructor(fields) {
      this.component = fields.component;
      this.settings = fields.settings;
      this.prior = fields.prior;
      this.logPrior = fields.logPrior;
      this.decided = fields.decided;
      this.groups = fields.groups;
      this.lexicon = fields.lexicon;
      this.units = fields.units;
      this.isExact = fields.isExact;
    }

    with(fields) {
      return new Hypothesis({ ...this, ...fields });
    }

    /** Of each setting, its probability, to a factor. */
    get weights() {
      return this.groups.reduce((weights, group) => timesShared(weights, group.weights), this.prior);
    }

    /** The sum of these. */
    get total() {
      this.#total ??= totalOf(this);
      return this.#total;
    }

    /** The logarithm of its weight, all settings together. */
    get logWeight() {
      this.#logWeight ??= this.logPrior + Math.log(this.total / this.prior.length);
      return this.#logWeight;
    }

    /** The groups that have words of a sentence, and the others. */
    divide(sentence) {
      const own = this.groups.filter((group) => sentence.some((word) => group.words.has(word)));
      return [own, own.length ? this.groups.filter((group) => !own.includes(group)) : this.groups];
    }

    /** With these ways for some words, beside other groups. */
    withWays(ways, groups) {
      const isExact = this.isExact && ways.length <= MAX_WAYS;
      let kept = ways;
      if (ways.length > MAX_WAYS) {
        const worth = new Map(ways.map((way) => [way, way.share * countSettings(way.settings)]));
        kept = [...ways].sort((one, other) => worth.get(other) - worth.get(one)).slice(0, MAX_WAYS);
      }
      const [decided, rest, log] = divided(kept);
      const group = new Group(rest, this.prior.length);
      const possible = anyOf(rest.map((way) => way.settings));
      const isOpen = group.words.size > 0;
      return this.with({
        settings: both(this.settings, possible),
        prior: isOpen ? this.prior : timesShared(this.prior, group.weights),
        logPrior: this.logPrior + log,
        decided: decided.size ? new Map([...this.decided, ...decided]) : this.decided,
        groups: isOpen ? [...groups, group] : groups,
        isExact,
      });
    }

    /** Itself with every word's class decided, in every way there is, each with its probability. */
    *inFull() {
      for (const way of together(this.groups, this.settings)) {
        const one = this.withWays([way], []);
        const share = (way.share * one.total) / this.total;
        if (share) yield [share, one];
      }
    }
  }

  // Most hypotheses have the same weights as some other, of which products and sums are known.
  const products = new WeakMap();
  const totals = new WeakMap();

  function timesShared(prior, weights) {
    if (!products.has(prior)) products.set(prior, new WeakMap());
    const known = products.get(prior);
    if (!known.has(weights)) known.set(weights, shared(product(prior, [weights])));
    return known.get(weights);
  }

  function totalOf(h) {
    const { weights } = h;
    if (!totals.has(weights)) totals.set(weights, sumOf(weights));
    return totals.get(weights);
  }

  /** A sentence and its translation. */
  class Example {
    #parts = new Map();

    constructor(source, target) {
      this.source = source;
      this.target = target;
      this.key = `${keyOf(source)}\r${keyOf(target)}`; // that equal examples alone have
    }

    /** A part of its translation, and that part's key. */
    part(first, end) {
      const place = first * (this.target.length + 1) + end;
      let part = this.#parts.get(place);
      if (part === undefined) {
        const string = this.target.slice(first, end);
        part = { string, key: keyOf(string) };
        this.#parts.set(place, part);
      }
      return part;
    }
  }

  /** By weight, the most probable first; those that weigh the same but for rounding stay in their order. */
  function byWeight(hypotheses) {
    const weighed = hypotheses.map((h) => ({ h, log: Math.round(h.logWeight * 1e9) }));
    return weighed.sort((one, other) => other.log - one.log).map(({ h }) => h);
  }

  /** All that is possible after examples. */
  class Posterior {
    #evidence = null;
    #weights = null;

    /**
     * @param {object} fields
     * @param {Component[]} fields.components The families, equally probable beforehand.
     * @param {number} fields.longest Target words of the longest string that a unit may have.
     * @param {boolean} fields.silent May a unit have none?
     * @param {boolean} fields.alike May two units have the same string?
     * @param {Map<string, string>} fields.classes Of source words, by name, where the person said them.
     * @param {number} fields.numSymbols Target words that strings are made of.
     * @param {number} fields.most Hypotheses that are kept; of more the most probable.
     * @param {Example[]} fields.examples That were read.
     * @param {Hypothesis[]} fields.hypotheses That explain them all.
     * @param {boolean} fields.isExact No hypothesis had to be left out.
     */
    constructor({
      components,
      longest = 1,
      silent = false,
      alike = false,
      classes = new Map(),
      numSymbols = 64,
      most = MAX_HYPOTHESES,
      examples = [],
      hypotheses = [],
      isExact = true,
    }) {
      Object.assign(this, { components, longest, silent, alike, classes, numSymbols, most });
      Object.assign(this, { examples, hypotheses, isExact });
    }

    with(fields) {
      return new Posterior({ ...this, ...fields });
    }

    /** With everything that is possible before any example, in place of what was learned. */
    open() {
      const hypotheses = this.components.map(
        (component, number) =>
          new Hypothesis({
            component: number,
            settings: component.family.everySetting,
            prior: shared(new Float64Array(component.numSettings).fill(1)),
            logPrior: -Math.log(this.components.length),
            decided: new Map(),
            groups: [],
            lexicon: new Map(),
            units: new Map(),
            isExact: true,
          }),
      );
      return this.with({ examples: [], hypotheses, isExact: true });
    }

    /** After one more example; without hypotheses, if none explains it. */
    learn(example) {
      let found = [];
      const enough = DIVIDED * this.most + 1;
      // The most probable first, so that it is the least probable that are left out.
      for (const h of byWeight(this.hypotheses)) {
        for (const after of take(this.after(h, example), enough - found.length)) found.push(after);
        if (found.length >= enough) break;
      }
      const isExact = this.isExact && found.length <= this.most && found.every((h) => h.isExact);
      if (found.length > this.most) found = byWeight(found).slice(0, this.most);
      return this.with({ examples: [...this.examples, example], hypotheses: found, isExact });
    }

    /** The logarithm of the probability of the examples' translations; −∞ if nothing explains them. */
    get evidence() {
      if (this.#evidence === null) {
        const most = this.hypotheses.reduce((log, h) => Math.max(log, h.logWeight), -Infinity);
        const sum = this.hypotheses.reduce((all, h) => all + Math.exp(h.logWeight - most), 0);
        this.#evidence = this.hypotheses.length ? most + Math.log(sum) : -Infinity;
      }
      return this.#evidence;
    }

    /** The probability of each hypothesis. */
    get weights() {
      if (this.#weights === null) {
        const most = this.hypotheses.reduce((log, h) => Math.max(log, h.logWeight), -Infinity);
        const weights = this.hypotheses.map((h) => Math.exp(h.logWeight - most));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        this.#weights = weights.map((weight) => weight / total);
      }
      return this.#weights;
    }

    /** A hypothesis, divided by what an example's plans say of new units. */
    *after(h, example) {
      const component = this.components[h.component];
      const [own, others] = h.divide(example.source);
      const found = new Map();
      for (const { form, groups, fresh, odds } of parses(component, example.source, h.decided, own, this.classes)) {
        if (!this.maySay(component.family, form, example.target.length)) continue;
        const matches = new Map();
        const tree = plansOf(component.family, form, h.settings).tree;
        for (const [strings, settings] of take(this.match(h, tree, example), DIVIDED * this.most)) {
          const key = strings.map(({ unit, key }) => `${keyOfUnit(unit)}\n${key}`).join("\r");
          const known = matches.get(key);
          matches.set(key, { strings, settings: known ? either(known.settings, settings) : settings });
        }
        for (const [key, { strings, settings }] of matches) {
          if (!found.has(key)) found.set(key, { strings, ways: [] });
          const ways = found.get(key).ways;
          for (const way of take(together(groups, settings), MAX_WAYS + 1)) {
            const classes = fresh.length ? new Map([...way.classes, ...fresh]) : way.classes;
            ways.push({ classes, settings: way.settings, share: way.share * odds });
          }
        }
      }
      for (const { strings, ways } of found.values()) {
        if (!ways.length) continue;
        const after = h.withWays(ways, others);
        after.logPrior += this.logStrings(h, strings);
        if (strings.length) {
          after.lexicon = new Map([...h.lexicon, ...strings.map(({ unit, string }) => [unit, string])]);
          after.units = new Map([...h.units, ...strings.map(({ unit, key }) => [key, unit])]);
        }
        yield after;
      }
    }

    /**
     * The logarithm of the probability of new units' strings: each length is as probable, and of a length each string
     * that no other unit has; that there is none is as probable as any word of the target, and one more.
     */
    logStrings(h, strings) {
      const used = new Array(this.longest + 1).fill(0);
      if (!this.alike) {
        for (const unit of h.units.values()) used[h.lexicon.get(unit).length] += 1;
      }
      let log = 0;
      for (const { unit, string } of strings) {
        const size = string.length;
        if (this.silent && typeof unit === "string") {
          log += Math.log((size ? this.numSymbols : 1) / (this.numSymbols + 1));
        }
        if (size) {
          log -= Math.log(this.longest * (this.numSymbols ** size - used[size]));
          if (!this.alike) used[size] += 1;
        }
      }
      return log;
    }

    /**
     * The plans that say the example's target: what units then mean that had no string, in a fixed order, and the
     * settings for which it is so.
     */
    *match(h, tree, example) {
      const words = example.source;
      const target = example.target;
      const undone = [{ node: tree, heard: 0, fresh: [] }];
      while (undone.length) {
        const { node, heard, fresh } = undone.pop();
        if (heard === target.length && node.ends !== null && meet(node.ends, h.settings)) {
          yield [[...fresh].sort(byUnit), both(node.ends, h.settings)];
        }
        for (const { item, node: after } of node.following) {
          const unit = item >= 0 ? words[item] : item;
          let string = h.lexicon.get(unit);
          if (string === undefined) string = meaningOf(unit, fresh);
          if (string !== undefined) {
            const ends = heard + string.length;
            if (!this.fits(after, target.length - ends) || !stands(string, target, heard)) continue;
            if (after.allows(h.settings)) undone.push({ node: after, heard: ends, fresh });
            continue;
          }
          if (!after.allows(h.settings)) continue;
          const shortest = this.silent && typeof unit === "string" ? heard : heard + 1;
          const last = Math.min(heard + this.longest, target.length);
          for (let ends = shortest; ends <= last; ends++) {
            if (!this.fits(after, target.length - ends)) continue;
            const { string: meant, key } = example.part(heard, ends);
            if (!this.alike && meant.length && (h.units.has(key) || fresh.some((one) => one.key === key))) continue;
            undone.push({ node: after, heard: ends, fresh: [...fresh, { unit, string: meant, key }] });
          }
        }
      }
    }

    /** Whether a sentence of a form may have a translation of so many words. */
    maySay(family, form, length) {
      const [fewest, most] = family.bounds(form);
      return (this.silent ? 0 : fewest) <= length && length <= most * this.longest;
    }

    /** Whether plans that go on here may say as many target words as are left. */
    fits(node, left) {
      return (this.silent ? 0 : node.shortest) <= left && left <= node.longest * this.longest;
    }
  }

  /** The string of a unit that had none before; undefined, if it still has none. */
  function meaningOf(unit, fresh) {
    for (let i = 0; i < fresh.length; i++) {
      if (fresh[i].unit === unit) return fresh[i].string;
    }
    return undefined;
  }

  /** Does a string stand in a sentence, from this place on? */
  function stands(string, sentence, place) {
    if (place + string.length > sentence.length) return false;
    for (let i = 0; i < string.length; i++) {
      if (sentence[place + i] !== string[i]) return false;
    }
    return true;
  }

  /** A text that no other unit has. */
  function keyOfUnit(unit) {
    return typeof unit === "string" ? unit : `\t${unit}`; // a word has no tab
  }

  function byUnit(one, other) {
    if (typeof one.unit === "string" && typeof other.unit === "string") return compareTexts(one.unit, other.unit);
    if (typeof one.unit === "string") return 1;
    return typeof other.unit === "string" ? -1 : one.unit - other.unit;
  }

  /** Posteriors of several readings of the same examples, each with its weight. */
  class Belief {
    /**
     * @param {Posterior[]} posteriors That have hypotheses.
     * @param {number[]} weights Of each; they sum to 1.
     * @param {number} evidence The logarithm of the probability of the examples' translations.
     */
    constructor(posteriors, weights, evidence) {
      this.posteriors = posteriors;
      this.weights = weights;
      this.evidence = evidence;
    }

    /** By what the examples say of each reading; priors: the weight of each before any example. */
    static of(posteriors, priors) {
      const kept = posteriors.map((posterior, number) => [posterior, priors[number]]);
      const pairs = kept.filter(([posterior]) => posterior.hypotheses.length);
      const most = pairs.length ? Math.max(...pairs.map(([posterior]) => posterior.evidence)) : 0;
      const weights = pairs.map(([posterior, prior]) => prior * Math.exp(posterior.evidence - most));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const evidence = total ? most + Math.log(total) : -Infinity;
      return new Belief(
        pairs.map(([posterior]) => posterior),
        weights.map((weight) => weight / total),
        evidence,
      );
    }

    /** Every hypothesis, with its probability and its posterior. */
    *weighted() {
      for (let number = 0; number < this.posteriors.length; number++) {
        const posterior = this.posteriors[number];
        const shares = posterior.weights;
        for (let i = 0; i < shares.length; i++) {
          yield [this.weights[number] * shares[i], posterior, posterior.hypotheses[i]];
        }
      }
    }

    /** The number of the posterior with the greatest weight. */
    get likeliest() {
      return this.weights.indexOf(Math.max(...this.weights));
    }

    /** What was read. */
    get examples() {
      return this.posteriors[0].examples;
    }

    /** Was none left out? */
    get isExact() {
      return this.posteriors.every((posterior) => posterior.isExact);
    }
  }

  /** More examples than this are ordered by their lengths alone. */
  const MAX_ORDERED = 300;

  /**
   * The examples in an order in which few hypotheses are alive on the way; what is believed at the end is the same in
   * any order. Next is always one with few words that weren't there before.
   */
  function inGoodOrder(examples) {
    const left = [...examples];
    if (left.length > MAX_ORDERED) return left.sort((one, other) => one.source.length - other.source.length);
    const words = new Map(left.map((example) => [example, new Set(example.source)]));
    const heard = new Set();
    const ordered = [];
    while (left.length) {
      let best = 0;
      let [fewest, shortest] = [Infinity, Infinity];
      left.forEach((example, number) => {
        let fresh = 0;
        for (const word of words.get(example)) fresh += heard.has(word) ? 0 : 1;
        if (fresh < fewest || (fresh === fewest && example.source.length < shortest)) {
          [best, fewest, shortest] = [number, fresh, example.source.length];
        }
      });
      const [next] = left.splice(best, 1);
      ordered.push(next);
      for (const word of next.source) heard.add(word);
    }
    return ordered;
  }

  Object.assign(metatrans, {
    ...{ Belief, Example, Hypothesis, MAX_HYPOTHESES, MAX_WAYS, Posterior, idOf, inGoodOrder, keyOf, keyOfUnit },
    ...{ stands, take },
  });
})((globalThis.metatrans ??= {}));
