// Which classes a person's words may be of.
//
// What one word is may hang on what others are, and on the setting of the switches. Words that hang together so are a
// group, with all its ways to give them classes; given the setting, groups are independent.

((metatrans) => {
  "use strict";

  const { addTo, both, meet, shared } = metatrans;

  /** A family that a person's language may be of. */
  class Component {
    /**
     * @param {string} name
     * @param {Family} family
     * @param {string[]} classNames By which a person may say a word's class; none: classes can't be said.
     */
    constructor(name, family, classNames = []) {
      this.name = name;
      this.family = family;
      this.classNames = classNames;
      const all = family.classSizes.reduce((sum, size) => sum + size, 0);
      this.shares = family.classSizes.map((size) => size / all);
    }

    get numSettings() {
      return this.family.settings.length;
    }

    /** The probability that a word is of a class, if no sentence tells; `said`: the classes of words, by name. */
    odds(word, ofClass, said) {
      const name = this.classNames.length ? said.get(word) : undefined;
      return name === undefined ? this.shares[ofClass] : Number(this.classNames[ofClass] === name);
    }
  }

  /**
   * One way to give the words of a group their classes.
   * @typedef {{classes: Map<string, number>, settings: number[], share: number}} Way
   *     Of each word its class; the settings for which it explains the examples; its probability before any example,
   *     to a factor that all ways of the group have in common.
   */

  /** Words whose classes hang together. */
  class Group {
    #weights = null;
    #ofClasses = new Map();
    #sorted = null;

    /**
     * @param {Way[]} ways
     * @param {number} numSettings Of the family's switches.
     */
    constructor(ways, numSettings) {
      this.ways = ways;
      this.numSettings = numSettings;
      this.words = ways[0].classes; // whose keys they are
    }

    /** Of each setting, how probable the ways for it are, together. */
    get weights() {
      if (this.#weights === null) {
        const weights = new Float64Array(this.numSettings);
        for (const way of this.ways) addTo(weights, way.settings, way.share);
        this.#weights = shared(weights);
      }
      return this.#weights;
    }

    /** Its ways, the probable ones first. */
    get likeliestFirst() {
      this.#sorted ??= [...this.ways].sort((one, other) => other.share - one.share);
      return this.#sorted;
    }

    /** The ways, by the classes of these words. */
    ofClasses(words) {
      const key = words.join("\n");
      let groups = this.#ofClasses.get(key);
      if (groups === undefined) {
        const found = new Map();
        for (const way of this.ways) {
          const classes = words.map((word) => way.classes.get(word)).join();
          if (found.has(classes)) found.get(classes).push(way);
          else found.set(classes, [way]);
        }
        groups = new Map(Array.from(found, ([classes, ways]) => [classes, new Group(ways, this.numSettings)]));
        this.#ofClasses.set(key, groups);
      }
      return groups;
    }
  }

  /**
   * The words that are of one class in all ways; the ways without these words, their greatest share being 1; and the
   * logarithm of what it was.
   */
  function divided(ways) {
    const decided = new Map();
    for (const [word, ofClass] of ways[0].classes) {
      if (ways.every((way) => way.classes.get(word) === ofClass)) decided.set(word, ofClass);
    }
    const most = ways.reduce((share, way) => Math.max(share, way.share), 0);
    if (!decided.size && most === 1) return [decided, ways, 0];
    const rest = ways.map((way) => ({
      classes: new Map([...way.classes].filter(([word]) => !decided.has(word))),
      settings: way.settings,
      share: way.share / most,
    }));
    return [decided, rest, Math.log(most)];
  }

  /** Every way to take one way of each group, unless no setting allows for it, the probable ones early. */
  function* together(groups, settings) {
    if (!groups.length) {
      yield { classes: new Map(), settings, share: 1 };
      return;
    }
    const [first, ...others] = groups;
    for (const way of first.likeliestFirst) {
      if (!meet(way.settings, settings)) continue;
      const left = both(way.settings, settings);
      if (!others.length) {
        yield { classes: way.classes, settings: left, share: way.share };
        continue;
      }
      for (const rest of together(others, left)) {
        const classes = new Map([...way.classes, ...rest.classes]);
        yield { classes, settings: rest.settings, share: way.share * rest.share };
      }
    }
  }

  /**
   * The forms that a sentence may have, each with these groups in the ways that go with it, the classes of words that
   * are of no group nor decided, and the probability of these.
   *
   * @param {Component} component
   * @param {string[]} sentence
   * @param {Map<string, number>} decided Classes of words.
   * @param {Group[]} groups That have words of the sentence.
   * @param {Map<string, string>} said As of `Component.odds`.
   */
  function* parses(component, sentence, decided, groups, said) {
    const words = [...new Set(sentence)];
    const numbers = sentence.map((word) => words.indexOf(word));
    const known = words.map((word) => decided.get(word));
    const own = groups.map((group) => words.filter((word) => group.words.has(word)));
    const tables = groups.map((group, number) => group.ofClasses(own[number]));
    const places = own.map((some) => some.map((word) => words.indexOf(word)));
    const grouped = new Set(own.flat());
    const isNew = words.map((word, number) => known[number] === undefined && !grouped.has(word));
    const classes = new Array(words.length);
    for (const form of component.family.forms(sentence.length)) {
      for (let i = 0; i < words.length; i++) classes[i] = known[i];
      const fits = form.every((ofClass, place) => (classes[numbers[place]] ??= ofClass) === ofClass);
      if (!fits) continue;
      const possible = tables.map((table, number) => table.get(places[number].map((i) => classes[i]).join()));
      if (possible.includes(undefined)) continue;
      const fresh = [];
      let odds = 1;
      words.forEach((word, i) => {
        if (!isNew[i]) return;
        fresh.push([word, classes[i]]);
        odds *= component.odds(word, classes[i], said);
      });
      if (odds) yield { form, groups: possible, fresh, odds };
    }
  }

  Object.assign(metatrans, { Component, Group, divided, parses, together });
})((globalThis.metatrans ??= {}));
