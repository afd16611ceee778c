// From texts to sentences of units and back: what the words of one side of a language are, and how they are written.
//
// A hyphen divides a word into morphemes, each a unit of its own, unless words are to be exactly as written. A class
// may be said after a colon (dog:noun). Where a translation has two units side by side that the examples always write
// with a hyphen, it gets one too.

((metatrans) => {
  "use strict";

  const { casefold, firstOf, lengthOf, strip } = metatrans;

  const HYPHEN = "-";

  /** In letters, of a stem that is no word. */
  const SHORTEST_STEM = 2;

  /** A morpheme that words are read with though nothing divides them. */
  class Affix {
    /**
     * @param {string} letters Of it.
     * @param {boolean} isPrefix Does it stand before its stem?
     * @param {boolean} ofAll Is it taken off all words that have it, rather than off those whose stem is a word too,
     *     or has another affix?
     */
    constructor(letters, isPrefix, ofAll = false) {
      Object.assign(this, { letters, isPrefix, ofAll });
    }

    toString() {
      return this.isPrefix ? `${this.letters}-` : `-${this.letters}`;
    }

    /** "nekora" → ["neko", "ra"], for the suffix -ra; null if the word hasn't it. */
    divide(word) {
      const stem = this.stem(word);
      if (stem === null) return null;
      return this.isPrefix ? [this.letters, stem] : [stem, this.letters];
    }

    /** What is left of a word without it; null if it hasn't it. */
    stem(word) {
      if (word.length <= this.letters.length) return null;
      if (this.isPrefix) return word.startsWith(this.letters) ? word.slice(this.letters.length) : null;
      return word.endsWith(this.letters) ? word.slice(0, -this.letters.length) : null;
    }
  }

  /**
   * What a side's words, given by their keys, are without affixes: its words; what has two of the affixes by turns,
   * such as bel of belos and belem; and these with affixes, such as belin of belinos, for -in.
   *
   * @param {Affix[]} division Affixes that are taken off words.
   * @param {Iterable<string>} words
   * @returns {Set<string>}
   */
  function stemsOf(division, words) {
    const known = new Set(words);
    const affixesOfStem = new Map();
    const reached = new Set(known);
    // It goes on to the stems that are added on the way.
    for (const word of reached) {
      for (const affix of division) {
        const stem = affix.stem(word);
        if (stem === null || lengthOf(stem) < SHORTEST_STEM) continue;
        if (!affixesOfStem.has(stem)) affixesOfStem.set(stem, new Set());
        affixesOfStem.get(stem).add(affix);
        reached.add(stem);
      }
    }
    for (const [stem, affixes] of affixesOfStem) if (affixes.size > 1) known.add(stem);
    for (const word of [...reached].sort((one, other) => one.length - other.length)) {
      if (division.some((affix) => known.has(affix.stem(word)))) known.add(word);
    }
    return known;
  }

  /** One side of a person's examples: what was read of it so far. */
  class Side {
    #onlyFirst = new Set(); // units that were written as the first of a sentence alone
    #begins = new Set(); // whether sentences of several words began with a capital
    // Of a unit, by its key, what stood between it and each neighbour, null at a sentence's end.
    #before = new Map();
    #behind = new Map();
    #units = new Map(); // of words, without noting anything

    /**
     * @param {Spelling} spelling What words are.
     * @param {string[]} classNames That may be said after a word.
     * @param {Affix[]} division Affixes of words that nothing divides.
     * @param {Set<string>} stems Words that are there without them, by their keys.
     * @param {Map<string, string>} written By the key of each unit, how it was first written; where it can be, not as
     *     the first of a sentence.
     * @param {Map<string, string>} classes By the key of a unit, its class, where it was said.
     */
    constructor(
      spelling,
      classNames = [],
      division = [],
      stems = new Set(),
      written = new Map(),
      classes = new Map(),
    ) {
      Object.assign(this, { spelling, classNames, division, stems, written, classes });
    }

    /**
     * A sentence's units, as keys; `name` is what an error calls it.
     * @throws {TranslationError} As `Spelling.splitSentence`.
     */
    read(text, name = "The sentence") {
      const units = [];
      for (const word of this.spelling.splitSentence(text, name)) {
        const [pieces, join] = this.#divide(word);
        pieces.forEach((piece, number) => {
          const key = this.spelling.key(piece);
          const before = units.length ? units[units.length - 1] : null;
          this.#noteNeighbours(before, key, number ? join : this.#blank);
          this.#note(key, piece, !units.length);
          units.push(key);
        });
      }
      this.#noteNeighbours(units[units.length - 1], null, this.#blank);
      if (units.length > 1) this.#begins.add(/^\p{Uppercase}/u.test(strip(text)));
      return units;
    }

    /** As `read`, but nothing is noted, except classes: of sentences that were read before. */
    unitsOf(text) {
      return this.spelling.splitSentence(text).flatMap((word) => {
        if (!this.#units.has(word)) {
          const [pieces] = this.#divide(word);
          this.#units.set(word, pieces.map((piece) => this.spelling.key(piece)));
        }
        return this.#units.get(word);
      });
    }

    /**
     * As `read`, but nothing is noted, except how words are written that weren't there before; and the units that
     * nothing but a hyphen, or nothing, divides, by pairs of neighbours: a set of keys of them.
     *
     * @returns {[string[], Set<string>]}
     */
    readQuestion(text, name = "The sentence") {
      const { spelling, classNames, division, stems, written, classes } = this;
      const copy = new Side(spelling, classNames, division, stems, new Map(written), new Map(classes));
      const units = copy.read(text, name);
      for (const unit of units) {
        if (!written.has(unit)) written.set(unit, copy.written.get(unit));
      }
      const joined = new Set();
      for (let i = 1; i < units.length; i++) {
        const between = copy.#behind.get(units[i - 1]).get(units[i]);
        if (between.size > 1 || !between.has(this.#blank)) joined.add(`${units[i - 1]}\n${units[i]}`);
      }
      return [units, joined];
    }

    /** What stands between two units; null: the sentence's begin or end. */
    #noteNeighbours(before, behind, between) {
      if (before !== null) noteBetween(this.#behind, before, behind, between);
      if (behind !== null) noteBetween(this.#before, behind, before, between);
    }

    get #blank() {
      return this.spelling.join(["", ""]);
    }

    #note(key, piece, isFirst) {
      // A sentence may begin with a capital that its first word hasn't elsewhere.
      const better = this.#onlyFirst.has(key) && (!isFirst || piece === piece.toLowerCase());
      if (this.written.has(key) && !better) return;
      this.written.set(key, piece);
      if (isFirst) this.#onlyFirst.add(key);
      else this.#onlyFirst.delete(key);
    }

    /** A word's morphemes as they are written, and what stands between them; notes its class, where it is said. */
    #divide(written) {
      const colon = written.lastIndexOf(":");
      const name = colon > 0 ? casefold(written.slice(colon + 1)) : "";
      const ofClass = this.classNames.includes(name) ? name : null;
      const word = ofClass === null ? written : written.slice(0, colon);
      let [pieces, join] = [[word], ""];
      if (!this.spelling.exact && this.spelling.separator === null) {
        const divided = word.split(/[-‐‑]/).filter((piece) => piece);
        [pieces, join] = [divided.length ? divided : [word], HYPHEN];
      }
      if (pieces.length === 1) [pieces, join] = [this.#withoutAffixes(word), ""];
      if (ofClass !== null) {
        const key = this.spelling.key(pieces[0]);
        if (!this.classes.has(key)) this.classes.set(key, ofClass);
      }
      return [pieces, join];
    }

    /** A word's affixes and its stem, as they are written. */
    #withoutAffixes(word) {
      const key = this.spelling.key(word);
      for (const affix of this.division) {
        const stem = affix.stem(key);
        if (stem === null) continue;
        if (!this.stems.has(stem) && !(affix.ofAll && lengthOf(stem) >= SHORTEST_STEM)) continue;
        const letters = Array.from(word);
        const size = affix.isPrefix ? lengthOf(affix.letters) : letters.length - lengthOf(affix.letters);
        // Where case changes a word's length, its letters are those of the key.
        const isAsLong = letters.length === lengthOf(key);
        const [before, behind] = isAsLong
          ? [letters.slice(0, size).join(""), letters.slice(size).join("")]
          : affix.divide(key);
        return affix.isPrefix
          ? [before, ...this.#withoutAffixes(behind)]
          : [...this.#withoutAffixes(before), behind];
      }
      return [word];
    }

    /**
     * A text of these units; those that were never read, such as "?", stay as they are.
     *
     * @param {string[]} units
     * @param {number[]} together The numbers of units that belong to the one before, as far as their meaning goes.
     */
    write(units, together = []) {
      let text = "";
      units.forEach((unit, number) => {
        if (number) text += this.#between(units[number - 1], unit, together.includes(number));
        text += this.#within(unit);
      });
      return text;
    }

    /** As `write`, with a capital to begin with where all sentences have one. */
    writeSentence(units, together = []) {
      const text = this.write(units, together);
      const first = firstOf(text);
      return this.#hasCapitals ? first.toUpperCase() + text.slice(first.length) : text;
    }

    /** Do all sentences begin with a capital, whatever their first word is? */
    get #hasCapitals() {
      return this.#begins.size === 1 && this.#begins.has(true) && !this.spelling.exact;
    }

    /** How a unit is written within a sentence: a capital that the first word alone had may not be its own. */
    #within(unit) {
      const written = this.written.get(unit) ?? unit;
      if (!this.#hasCapitals || !this.#onlyFirst.has(unit)) return written;
      const first = firstOf(written);
      return first.toLowerCase() + written.slice(first.length);
    }

    /**
     * What stands between two units: what stood there before; else what always stands beside one of them, if it is an
     * affix, or if the two belong together.
     */
    #between(before, behind, belong) {
      const seen = this.#behind.get(before)?.get(behind);
      if (seen !== undefined && seen.size === 1) return [...seen][0];
      for (const [unit, isBefore] of [
        [before, false],
        [behind, true],
      ]) {
        const join = this.#always(unit, isBefore);
        if (join !== this.#blank && (belong || this.#isAffix(unit, isBefore))) return join;
      }
      return this.#blank;
    }

    /** By neighbour of a unit, before it or behind it, what stood between the two. */
    #neighbours(unit, isBefore) {
      return (isBefore ? this.#before : this.#behind).get(unit) ?? new Map();
    }

    /** What stands on that side of a unit wherever it was read; a blank, if it isn't always the same. */
    #always(unit, isBefore) {
      const joins = joinsOf(this.#neighbours(unit, isBefore));
      return joins.size === 1 ? [...joins][0] : this.#blank;
    }

    /**
     * Is a unit that always hangs on the same side of others an affix of them, rather than a stem?
     *
     * It is one that words are divided at; else one that hangs on more units than any of these has beside it, as stems
     * are many and affixes few, or on a word that stands free too.
     */
    #isAffix(unit, isBefore) {
      const neighbours = this.#neighbours(unit, isBefore);
      if (joinsOf(neighbours).has("")) {
        return this.division.some((affix) => affix.letters === unit && affix.isPrefix !== isBefore);
      }
      const others = [...neighbours.keys()];
      const beside = others.filter((one) => one !== null).map((one) => this.#neighbours(one, !isBefore).size);
      if (neighbours.size > Math.max(0, ...beside)) return true;
      return others.some((one) => this.#standsFree(one, !isBefore));
    }

    /**
     * Has a text a unit without the ending that always hangs on it, and on all units that take the same?
     *
     * @param {string[]} units
     * @param {Set<string>} endings Units that no word of the other side says.
     * @param {number[]} together As for `write`.
     */
    isBare(units, endings, together = []) {
      const blank = this.#blank;
      const isBareThere = (unit, isBefore, side) =>
        side === blank && this.#always(unit, isBefore) !== blank && this.#hasToHang(unit, isBefore, endings);
      const before = units.map((unit, number) =>
        number ? this.#between(units[number - 1], unit, together.includes(number)) : blank,
      );
      return units.some(
        (unit, number) =>
          isBareThere(unit, true, before[number]) || isBareThere(unit, false, before[number + 1] ?? blank),
      );
    }

    /** Do endings alone hang on that side of a unit, and on all that take these? */
    #hasToHang(unit, isBefore, endings) {
      const hanging = [...this.#neighbours(unit, isBefore).keys()].filter((one) => one !== null);
      const alike = hanging.flatMap((affix) => [...this.#neighbours(affix, !isBefore).keys()]);
      return hanging.every((one) => endings.has(one)) && !alike.some((one) => this.#standsFree(one, isBefore));
    }

    /** Whether a blank, or a sentence's end, was ever before a unit, or behind it. */
    #standsFree(unit, isBefore) {
      return unit !== null && joinsOf(this.#neighbours(unit, isBefore)).has(this.#blank);
    }
  }

  /** All that stood between a unit and its neighbours. */
  function joinsOf(neighbours) {
    return new Set([...neighbours.values()].flatMap((some) => [...some]));
  }

  function noteBetween(beside, unit, neighbour, between) {
    if (!beside.has(unit)) beside.set(unit, new Map());
    const neighbours = beside.get(unit);
    if (!neighbours.has(neighbour)) neighbours.set(neighbour, new Set());
    neighbours.get(neighbour).add(between);
  }

  Object.assign(metatrans, { Affix, Side, stemsOf });
})((globalThis.metatrans ??= {}));
