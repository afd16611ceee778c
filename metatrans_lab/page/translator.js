// Translating by a person's examples, exactly: what can be known of a sentence's translation, and how well.
//
//     new metatrans.ExactTranslator([["red house", "casa roja"], ["red car", "coche roja"]]).translate("car").text

((metatrans) => {
  "use strict";

  const { CERTAIN, CLASS_NAMES, ConflictError, Example, NUM_SYMBOLS, Side, Spelling, TranslationError, UNKNOWN_WORD } =
    metatrans;
  const { affixesOf, answersOf, bestDivision, compareTexts, inGoodOrder, keyOf, learned, mostTelling, origins } =
    metatrans;
  const { posteriorOf, readings, stemsOf, understand, withExamples, worthOf } = metatrans;

  /** Hypotheses of each way to divide words. */
  const MAX_COMPARED = 500;

  /** The probability that an example fits no language, where words are divided: it is what divisions are for. */
  const UNREAD = 0.001;

  // The probability that the language has a sentence at all: with less than the first it is taken to have none such,
  // with less than the second its translation isn't settled.
  const [LEAST_POSSIBLE, MOST_PROBABLY] = [0.1, 0.5];

  /** In letters, where each letter of the translations is read as one of their words. */
  const LONGEST_WORD = 8;

  /**
   * A unit of a sentence, or of its translation.
   * @typedef {{source: string, target: ?string, example: ?number}} Word
   *     A word of the sentence that was asked for, "" of a particle; what it is in the translation, null where that
   *     isn't told word by word; the number, from 0, of the first example with the word, null: there is none.
   */

  /** What the examples say of a sentence. */
  class Translation {
    /**
     * @param {object} fields
     * @param {string} fields.text Its most probable translation; `UNKNOWN_WORD` for what no example tells.
     * @param {number} fields.probability Of it; 0 where the sentence can be none of the language, and `text` is its
     *     words one by one.
     * @param {[string, number][]} fields.others The other translations that are possible, with their probabilities,
     *     the most probable first.
     * @param {Word[]} fields.words The units of the translation; of a sentence that is translated back, or word by
     *     word, its own.
     * @param {string[]} fields.unknown The sentence's words that no example has.
     * @param {?string} fields.ask A sentence whose translation would tell most; null: nothing is open.
     * @param {boolean} fields.isComplete Is nothing of it unknown?
     * @param {boolean} fields.isExact Was all that is possible weighed?
     * @param {number} fields.possible The probability that the language has such a sentence.
     * @param {number[]} fields.leftOut The numbers, from 0, of examples that have no part in it.
     * @param {?number} fields.told The number, from 0, of one of these that has this very sentence, if no other has.
     * @param {boolean} fields.isOtherWay Are its words none of this side's, and some of the other's?
     */
    constructor({
      text,
      probability,
      others,
      words,
      unknown,
      ask,
      isComplete,
      isExact,
      possible = 1,
      leftOut = [],
      told = null,
      isOtherWay = false,
    }) {
      Object.assign(this, { text, probability, others, words, unknown, ask, isComplete, isExact });
      Object.assign(this, { possible, leftOut, told, isOtherWay });
    }

    /** Do the examples, all of them, leave this translation alone? */
    get isSettled() {
      const isTold = this.probability >= CERTAIN && this.isComplete && this.possible >= MOST_PROBABLY;
      return isTold && this.isExact && !this.leftOut.length;
    }
  }

  /** Translates by examples: every language of the families at hand that explains them has a part in the answer. */
  class ExactTranslator {
    #understanding = null;
    #facts = null;
    #particles = null;

    /**
     * @param {[string, string][]} rules Sentences with their translations.
     * @param {{separator?: ?string, exact?: boolean}} options What words are, see `Spelling`. Where they aren't given,
     *     words are divided into stems and affixes if that makes the examples more probable.
     * @throws {TranslationError} There are no rules, or one can't be read.
     */
    constructor(rules, { separator = null, exact = false } = {}) {
      if (!rules.length) {
        throw new TranslationError("There are no examples; give at least one pair, such as ('red', 'dax').");
      }
      this.rules = rules.map(([source, target]) => [source, target]);
      this.spelling = Spelling.of(separator, exact);
      this.isTurned = false;
      this.sides = this.#read(this.rules);
      if (separator !== "" && !isPlain(this.sides)) {
        const turned = this.#read(
          this.rules.map(([source, target]) => [target, source]),
          true,
        );
        this.isTurned = isPlain(turned) && jointOf(turned) > jointOf(this.sides);
        this.sides = this.isTurned ? turned : this.sides;
      }
    }

    /**
     * Rules, with their words as they are probably divided.
     *
     * @param {[string, string][]} rules
     * @param {boolean} isTurned Are they to be read so only if a language of the first reading explains them?
     */
    #read(rules, isTurned = false) {
      const spelling = this.spelling;
      const sides = Sides.read(rules, [spelling, spelling]);
      if (spelling.separator === "") {
        // Of the translations; sentences may have blanks between their words all the same.
        const spaced = Sides.read(rules, [Spelling.of(null, spelling.exact), spelling]);
        return worthOfSides(spaced, spaced.readings) > worthOfSides(sides, sides.readings) ? spaced : sides;
      }
      const tried = [affixesOf(sides.words(0)), affixesOf(sides.words(1))];
      const isDivided = spelling.separator !== null || spelling.exact;
      if (isDivided || !(tried[0].length || tried[1].length)) return sides;
      // Words are divided so that every morpheme is one word of the other side, and not for less.
      const divider = new Divider(rules, sides);
      const simply = sides.readings.slice(0, 1);
      const [best, worth] = bestDivision(tried, (divisions) => worthOfSides(divider.divide(divisions), simply));
      if (!best[0].length && !best[1].length) return sides;
      if (!isTurned && worthFreely(sides, worth) >= worth) return sides;
      return Sides.read(rules, [spelling, spelling], best);
    }

    /** How the examples are read, as a clause, where that isn't how they are written. */
    get readAs() {
      const { reading } = this.understanding;
      const clauses = reading.longest === 1 && !reading.alike ? [] : [reading.says];
      if (this.isTurned) clauses.push("the sentences stand on the right, in words of the left");
      const names = this.isTurned ? ["translations", "words"] : ["words", "translations"];
      [this.sides.source, this.sides.target].forEach((side, number) => {
        if (side.division.length) clauses.push(`${names[number]} are divided at ${side.division.join(", ")}`);
      });
      return clauses.join("; ");
    }

    /**
     * What is believed after the examples.
     * @returns {Understanding}
     * @throws {TranslationError} Some can't all be right.
     */
    get understanding() {
      if (this.#understanding === null) {
        try {
          this.#understanding = understandSides(this.sides);
        } catch (error) {
          if (error instanceof ConflictError) throw new TranslationError(this.#tell(error));
          throw error;
        }
      }
      return this.#understanding;
    }

    /** The target words that probably are particles, which no word of a sentence says. */
    #endings() {
      if (this.#particles === null) {
        const masses = new Map();
        for (const [weight, , h] of this.understanding.belief.weighted()) {
          const words = [...h.lexicon].flatMap(([unit, string]) => (typeof unit === "string" ? [] : [...string]));
          for (const word of new Set(words)) masses.set(word, (masses.get(word) ?? 0) + weight);
        }
        this.#particles = new Set([...masses.keys()].filter((word) => masses.get(word) >= MOST_PROBABLY));
      }
      return this.#particles;
    }

    /** May the language well be a word for a word in place? */
    get isInPlace() {
      const { source, target } = this.sides;
      if (this.isTurned || source.division.length || target.division.length) return false;
      if (this.understanding.reading.longest > 1) return false;
      let inPlace = 0;
      for (const [weight, posterior, h] of this.understanding.belief.weighted()) {
        if (posterior.components[h.component].name === "lexicon") inPlace += weight;
      }
      return inPlace >= LEAST_POSSIBLE;
    }

    /** The numbers, from 0, of examples that don't fit the others, or the language since its rules changed. */
    get leftOut() {
      const { changed, leftOut } = this.understanding;
      return [...Array(changed).keys(), ...leftOut];
    }

    /**
     * What the examples have taught, and which of them settled what.
     * @returns {Fact[]}
     * @throws {TranslationError} Some examples can't all be right.
     */
    facts() {
      const { belief } = this.understanding;
      this.#facts ??= withExamples(learned(belief), belief, this.sides.examples);
      return this.#facts;
    }

    #tell(conflict) {
      const { spelling, sides } = this;
      const told = this.#tellOf(conflict);
      const mayDivide = spelling.separator === null && !spelling.exact && affixesOf(sides.words(1)).length > 0;
      return mayDivide ? `${told} If words have endings, write them with hyphens, as in neko-ra.` : told;
    }

    #tellOf(conflict) {
      const { numbers } = conflict;
      const rules = numbers.map((number) => this.rules[number]);
      const quoted = rules.map(([source, target]) => `“${source} = ${target}”`).join(" and ");
      const first = numbers[0] + 1;
      if (!conflict.isAlone) {
        return `Example ${first} fits no language that is known here and has those before it: ${quoted}.`;
      }
      if (numbers.length === 1) return `Example ${first} is of no language that is known here: ${quoted}.`;
      const [last, ...others] = numbers.map((number) => number + 1).reverse();
      const named = `${others.reverse().join(", ")} and ${last}`;
      return `Examples ${named} disagree: no language that is known here has ${quoted}.`;
    }

    /**
     * Translates a sentence.
     * @returns {Translation}
     * @throws {TranslationError} It is no sentence, or the examples can't all be right.
     */
    translate(sentence) {
      return this.isTurned ? this.#backwards(sentence) : this.#forwards(sentence);
    }

    /**
     * Translates the other way: says of which sentence a text is the translation.
     * @returns {Translation}
     * @throws {TranslationError} As `translate`.
     */
    back(translation) {
      return this.isTurned ? this.#forwards(translation) : this.#backwards(translation);
    }

    /**
     * A translation of a sentence that another gave, as it is written.
     *
     * @param {string} sentence
     * @param {string[]} words Of the examples, or "?".
     */
    write(sentence, words) {
      const [units, joined] = this.sides.source.readQuestion(sentence);
      const [best] = answersOf(this.understanding.belief, units);
      const said = new Map();
      for (const { unit, words: own } of best?.translation ?? []) if (own?.length) said.set(unit, own);
      const beside = new Set();
      for (const pair of joined) {
        const [one, other] = pair.split("\n").map((unit) => said.get(unit));
        if (!one || !other) continue;
        beside.add(keyOf([one[one.length - 1], other[0]])).add(keyOf([other[other.length - 1], one[0]]));
      }
      const together = [...words.keys()].filter((number) => number && beside.has(keyOf(words.slice(number - 1, number + 1))));
      return this.sides.target.writeSentence(words, together);
    }

    #forwards(sentence) {
      const { belief } = this.understanding;
      const [words, joined] = this.sides.source.readQuestion(sentence);
      const found = answersOf(belief, words);
      if (!found.length || found[0].possible < LEAST_POSSIBLE) return this.#wordByWord(words);
      const [best, ...others] = found;
      const unknown = this.#unknown(words);
      const telling = mostTelling(belief, words, found);
      // What would tell more among languages that don't explain all examples isn't what is missing.
      const asks = telling !== null && !this.leftOut.length;
      return new Translation({
        text: this.#text(best, joined),
        probability: best.probability,
        others: others.map((answer) => [this.#text(answer, joined), answer.probability]),
        words: best.translation.map((said) =>
          this.#word(said.unit, said.words === null ? UNKNOWN_WORD : this.sides.target.write(said.words)),
        ),
        unknown,
        ask: asks ? this.sides.source.write(telling.sentence) : null,
        // Nobody knows how a stem is written that was read with endings alone; and whether a word that no example has is
        // left unsaid is for the person to tell, even if nothing else is possible here.
        isComplete:
          best.isComplete &&
          !unknown.length &&
          !this.sides.target.isBare(best.words, this.#endings(), togetherOf(best, joined)),
        isExact: belief.isExact,
        possible: best.possible,
        leftOut: this.leftOut,
        told: this.#told(words),
        isOtherWay: this.#isOtherWay(words, 0),
      });
    }

    /** Of a sentence that can be none of the language: each word as it is said alone, if it may be. */
    #wordByWord(words) {
      const { belief } = this.understanding;
      const targets = words.map((word) => {
        const [best] = answersOf(belief, [word]);
        return best === undefined ? UNKNOWN_WORD : this.#text(best, new Set());
      });
      return new Translation({
        text: this.spelling.join(targets),
        probability: 0,
        others: [],
        words: words.map((word, number) => this.#word(word, targets[number])),
        unknown: this.#unknown(words),
        ask: null,
        isComplete: false,
        isExact: belief.isExact,
        told: this.#told(words),
        isOtherWay: this.#isOtherWay(words, 0),
      });
    }

    #backwards(translation) {
      const { source, target, examples } = this.sides;
      const { belief } = this.understanding;
      const [words] = target.readQuestion(translation);
      const [found, isExact] = origins(belief, words);
      const texts = found.map((answer) => [source.writeSentence(answer.words), answer.probability]);
      const [[text, probability], ...others] = texts.length ? texts : [[this.#backWordByWord(words), 0]];
      const targets = examples.map((example) => example.target);
      const written = words.map((word) => ({
        source: target.written.get(word),
        target: null,
        example: firstWith(word, targets),
      }));
      const unknown = written.filter((word) => word.example === null).map((word) => word.source);
      return new Translation({
        text,
        probability,
        others,
        words: written,
        unknown: [...new Set(unknown)],
        ask: null,
        isComplete: found.length > 0 && found[0].isComplete && !unknown.length,
        isExact,
        leftOut: this.leftOut,
        isOtherWay: this.#isOtherWay(words, 1),
      });
    }

    /** Of a translation that can be of no sentence: of what each of its words is the translation, if it may be. */
    #backWordByWord(words) {
      const { belief } = this.understanding;
      const sources = words.flatMap((word) => {
        const [[best]] = origins(belief, [word]);
        return best === undefined ? [UNKNOWN_WORD] : best.words;
      });
      return this.sides.source.write(sources);
    }

    #word(unit, target) {
      if (typeof unit !== "string") return { source: "", target, example: null };
      const { source, examples } = this.sides;
      const sources = examples.map((example) => example.source);
      return { source: source.written.get(unit), target, example: firstWith(unit, sources) };
    }

    /** The number of a left-out example of this very sentence; null if there is none, or another one has it too. */
    #told(words) {
      const asked = keyOf(words);
      const leftOut = this.leftOut;
      const same = this.sides.examples.flatMap((example, number) => (keyOf(example.source) === asked ? [number] : []));
      return same.length && same.every((number) => leftOut.includes(number)) ? same[0] : null;
    }

    /** Are a question's words, of side 0 or 1, none of this side's, and some of the other's? */
    #isOtherWay(words, side) {
      const own = new Set(this.sides.words(side));
      const other = new Set(this.sides.words(1 - side));
      return !words.some((word) => own.has(word)) && words.some((word) => other.has(word));
    }

    /** The words of a sentence that no example has, as they are written. */
    #unknown(words) {
      const known = new Set(this.sides.words(0));
      const written = words.filter((word) => !known.has(word)).map((word) => this.sides.source.written.get(word));
      return [...new Set(written)];
    }

    /** An answer as it is written; joined: neighbours in the question that no blank divides. */
    #text(answer, joined) {
      return this.sides.target.writeSentence(answer.words, togetherOf(answer, joined));
    }
  }

  /** The numbers of an answer's words that belong to the one before, as what they say does in the question. */
  function togetherOf(answer, joined) {
    const together = [];
    let number = 0;
    let before = null;
    for (const { unit, words } of answer.translation) {
      if (typeof before === "string" && typeof unit === "string") {
        if (joined.has(`${before}\n${unit}`) || joined.has(`${unit}\n${before}`)) together.push(number);
      }
      number += words === null ? 1 : words.length;
      before = unit;
    }
    return together;
  }

  /** The number of the first sentence that has a unit; null: none has. */
  function firstWith(unit, sentences) {
    const number = sentences.findIndex((sentence) => sentence.includes(unit));
    return number < 0 ? null : number;
  }

  /** Both sides of rules, and the examples that they are. */
  class Sides {
    constructor(source, target, examples) {
      Object.assign(this, { source, target, examples });
    }

    static read(rules, spellings, affixes = [[], []]) {
      const whole = Sides.readAll(rules, new Side(spellings[0], CLASS_NAMES), new Side(spellings[1]));
      if (!affixes[0].length && !affixes[1].length) return whole;
      const [source, target] = [0, 1].map((side) => whole.withAffixes(side, affixes[side]));
      return Sides.readAll(rules, source, target);
    }

    /** A side, 0 or 1, that is to be read with affixes. */
    withAffixes(side, division) {
      const { spelling, classNames } = side ? this.target : this.source;
      return new Side(spelling, classNames, division, stemsOf(division, this.words(side)));
    }

    static readAll(rules, source, target) {
      const examples = rules.map(
        (rule, number) =>
          new Example(
            source.read(rule[0], `The source side of example ${number + 1}`),
            target.read(rule[1], `The target side of example ${number + 1}`),
          ),
      );
      return new Sides(source, target, examples);
    }

    /** All units of a side, 0 the source, 1 the target. */
    words(side) {
      return this.examples.flatMap((example) => (side ? example.target : example.source));
    }

    /**
     * How the examples may be read. Where all letters are words it is a cipher; where those of the translations alone
     * are, they make up words.
     */
    get readings() {
      const ofLetters = [this.source, this.target].map((side) => side.spelling.separator === "");
      if (ofLetters.every(Boolean)) return readings().slice(0, 1);
      return ofLetters.some(Boolean) ? readings(LONGEST_WORD) : readings();
    }

    /** The classes that were said. */
    get classes() {
      return inOrder(this.source.classes);
    }
  }

  function inOrder(classes) {
    return new Map([...classes].sort((one, other) => compareTexts(one[0], other[0])));
  }

  /** Examples as they are with words divided, in one way after another: each side is read once in each of its ways. */
  class Divider {
    /** @param {Sides} whole The rules, undivided. */
    constructor(rules, whole) {
      this.rules = rules;
      this.whole = whole;
      this.read = [new Map(), new Map()];
    }

    /** The examples, and the classes of words, where words are divided so. */
    divide(divisions) {
      const [source, target] = divisions.map((division, side) => this.#side(side, division));
      const examples = source.sentences.map((sentence, number) => new Example(sentence, target.sentences[number]));
      return { examples, classes: source.classes };
    }

    #side(number, division) {
      const key = division.map((affix) => `${affix} ${affix.ofAll}`).join("\n");
      let read = this.read[number].get(key);
      if (read === undefined) {
        const side = this.whole.withAffixes(number, division);
        const sentences = this.rules.map((rule) => side.unitsOf(rule[number]));
        read = { sentences, classes: inOrder(side.classes) };
        this.read[number].set(key, read);
      }
      return read;
    }
  }

  /** Does a language of the first reading explain all examples? */
  function isPlain(sides) {
    return posteriorOf(sides.readings[0], inGoodOrder(sides.examples), sides.classes).hypotheses.length > 0;
  }

  /**
   * The logarithm of the probability of the examples' translations, if they are read so: by the first reading that
   * explains all, or else by the first.
   */
  function worthOfSides(sides, readAs) {
    const { classes } = sides;
    const ordered = inGoodOrder(sides.examples);
    for (const reading of readAs) {
      const posterior = posteriorOf(reading, ordered, classes, MAX_COMPARED);
      if (posterior.hypotheses.length) return posterior.evidence;
    }
    return worthOf(posteriorOf(readAs[0], ordered, classes, MAX_COMPARED, true), ordered, UNREAD);
  }

  /** As `worthOfSides`, by the other readings that explain all examples; what is less than the least may be −∞. */
  function worthFreely(sides, least) {
    const ordered = inGoodOrder(sides.examples);
    for (const reading of sides.readings.slice(1)) {
      const posterior = posteriorOf(reading, ordered, sides.classes, MAX_COMPARED, false, least);
      if (posterior.hypotheses.length) return posterior.evidence;
    }
    return -Infinity;
  }

  /** The same of the sentences too, any word of which is as probable as any other. */
  function jointOf(sides) {
    const words = sides.words(0);
    const numWords = Math.max(new Set(words).size, NUM_SYMBOLS);
    return worthOfSides(sides, sides.readings) - words.length * Math.log(numWords);
  }

  const MOST_KEPT = 8;

  const understood = new Map(); // by examples, classes and readings; the last ones

  function understandSides(sides) {
    const examples = sides.examples.map((example) => example.key);
    const classes = Array.from(sides.classes, (pair) => pair.join("\v"));
    const key = [...examples, ...classes, ...sides.readings.map((reading) => reading.says)].join("\f");
    const known = understood.get(key) || understand(sides.examples, sides.classes, sides.readings);
    understood.delete(key); // so that it is the last to be let go
    understood.set(key, known);
    if (understood.size > MOST_KEPT) understood.delete(understood.keys().next().value);
    return known;
  }

  Object.assign(metatrans, { ExactTranslator, Translation });
})((globalThis.metatrans ??= {}));
