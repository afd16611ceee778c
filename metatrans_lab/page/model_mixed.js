/**
 * What a model of the family mixed says of a person's sentence: it reads their examples in symbols of its alphabet, as
 * `by_model.py` has them, binding for binding.
 *
 * Which class a word is of, such a model knows by its symbol. So words are bound to symbols of the classes that the exact
 * belief gives them; where several are possible, the more probable ones have more bindings. All bindings are averaged,
 * word by word, and the most probable word is said, until the end is.
 */
((metatrans) => {
  "use strict";

  const { TooManyWordsError, TranslationError, UNKNOWN_WORD, compareLists, compareOdds, given, shown } = metatrans;
  const { compareTexts, take, translations } = metatrans;
  const { SeededRandom, softmax } = metatrans.model;

  /** Ways to give words their classes, of which the most probable are read. */
  const MAX_CLASSES = 4;

  /** The most probable ones, whose classes are thought of. */
  const MAX_HYPOTHESES = 50;

  /** Random bindings of words to symbols that are averaged: twice as many as of a model that reads words in place. */
  const NUM_BINDINGS = 16;

  /** Words of a translation; by then the model has lost its thread. */
  const LONGEST = 24;

  /** Of the family grammar. */
  const [VERB, PLURAL] = [1, 4];

  /** Asks a model that was trained on the family mixed. */
  class MixedReader {
    #read = { key: null, state: null }; // the examples of the last question

    /**
     * @param {Model} model
     * @param {object} [options]
     * @param {number} [options.numBindings] How many random bindings of words to symbols are averaged.
     * @param {number} [options.seed] Of them.
     */
    constructor(model, { numBindings = NUM_BINDINGS, seed = 0 } = {}) {
      Object.assign(this, { model, numBindings, seed });
      this.classSizes = model.manifest.language.class_sizes;
      this.numSymbols = model.numTargets - 1; // the last one is a blank
    }

    /**
     * The model's translation.
     *
     * @param {ExactTranslator} translator
     * @param {string} sentence
     * @returns {Promise<{translationText: string, probability: number, words: {target: string, probability: number}[]}>}
     *     "?" stands for a word that no example has.
     * @throws {TranslationError} It can't be translated, or the model hasn't as many words.
     */
    async translate(translator, sentence) {
      if (translator.isTurned) {
        throw new TranslationError("It reads sentences on the left alone, with their translations on the right.");
      }
      const { sides, leftOut, understanding } = translator;
      const [words] = sides.source.readQuestion(sentence);
      const targets = [...new Set(sides.examples.flatMap((example) => example.target))];
      const examples = sides.examples.filter((_, number) => !leftOut.includes(number));
      const question = this.#bind(understanding.belief, examples, words, targets);
      const { said, probabilities } = await this.#decode(question, targets.length);
      const spoken = said.map((number) => targets[number] ?? UNKNOWN_WORD);
      return {
        translationText: translator.write(sentence, spoken),
        probability: probabilities.reduce((product, probability) => product * probability, 1),
        words: spoken.map((target, number) => ({ target, probability: probabilities[number] })),
      };
    }

    /**
     * How probable the model has each word of a translation, and its end. A word that no example has counts as any such
     * word.
     *
     * @param {Belief} belief What is believed after the examples.
     * @param {Example[]} examples That it comes of.
     * @param {Example} next The sentence, and its translation.
     * @returns {Promise<number[]>}
     * @throws {TranslationError} As `translate`.
     */
    async foresee(belief, examples, next) {
      const heard = new Set(examples.flatMap((example) => example.target));
      const targets = [...new Set([...heard, ...next.target])];
      const question = this.#bind(belief, examples, next.source, targets);
      const spoken = next.target.map((word) => targets.indexOf(word));
      return (await this.#decode(question, heard.size, spoken)).probabilities;
    }

    /**
     * A question and the examples, in symbols of the model: in each row with words bound to others at random, and the
     * examples in another order, on which nothing hangs.
     */
    #bind(belief, examples, words, targets) {
      if (targets.length > this.numSymbols) {
        throw new TooManyWordsError(
          `This model takes at most ${this.numSymbols} distinct target words, but the examples have ${targets.length}.`,
          targets.length,
        );
      }
      const random = new SeededRandom(this.seed);
      const hasRoom = (family, ofWord) => this.#hasRoom(family, ofWord);
      const all = likelyClasses(belief, words, this.numBindings, hasRoom).map((classes) => {
        const source = this.#bindSources(classes, random);
        const symbols = random.sample([...Array(this.numSymbols).keys()], targets.length);
        const said = new Map(targets.map((word, number) => [word, this.model.numSources + symbols[number]]));
        const row = random
          .shuffled(examples)
          .flatMap((example) => this.#write(unmarked(example.source, classes), example.target, source, said));
        return { row, asked: this.#write(unmarked(words, classes), [], source, said), symbols };
      });
      // Where an -s may mark a verb or a noun, what is read has two lengths, and the model reads those of one.
      const numbers = new Map();
      const sizeOf = ({ row, asked }) => `${row.length} ${asked.length}`;
      for (const one of all) numbers.set(sizeOf(one), (numbers.get(sizeOf(one)) ?? 0) + 1);
      const [[size]] = [...numbers].sort((one, other) => other[1] - one[1]);
      return all.filter((one) => sizeOf(one) === size);
    }

    #sizes(family) {
      return this.classSizes[family] ?? [this.model.numSources];
    }

    /** Has the alphabet a symbol for each word of each class? */
    #hasRoom(family, ofWord) {
      return this.#sizes(family).every((size, ofClass) => wordsOfClass(ofWord, ofClass).length <= size);
    }

    /** A symbol of each word's class. */
    #bindSources({ family, ofWord }, random) {
      const bound = new Map();
      let first = 0;
      this.#sizes(family).forEach((size, ofClass) => {
        const words = wordsOfClass(ofWord, ofClass);
        const symbols = random.sample(Array.from({ length: size }, (_, number) => first + number), words.length);
        words.forEach((word, number) => bound.set(word, symbols[number]));
        first += size;
      });
      return bound;
    }

    /** ␁ s…s ␂ t…t. */
    #write(source, target, bound, said) {
      const missing = source.find((word) => !bound.has(word));
      if (missing !== undefined) {
        throw new TranslationError(
          `The examples leave open too much of ${shown(missing)} for this model to read it.`,
        );
      }
      const { startOfSource, startOfTarget } = this.model;
      return [
        startOfSource,
        ...source.map((word) => bound.get(word)),
        startOfTarget,
        ...target.map((word) => said.get(word)),
      ];
    }

    /** The state after examples; they are read once for all questions with such words. */
    async #reading(rows) {
      const key = rows.join("\n");
      if (this.#read.key !== key) {
        const empty = this.model.emptyState(rows.length);
        const state = rows[0].length ? (await this.model.read(rows, empty)).state : empty;
        this.#read = { key, state };
      }
      return this.#read.state;
    }

    /**
     * The numbers of the target words that are said, of others than the question's no number of them; of each and of the
     * end, the probability.
     *
     * @param {{row: number[], asked: number[], symbols: number[]}[]} question Of each binding.
     * @param {number} numHeard Of the target words, the first of which examples have.
     * @param {?number[]} spoken What is said, if that isn't to be what is most probable.
     */
    async #decode(question, numHeard, spoken = null) {
      const { numSources, startOfSource } = this.model;
      let state = await this.#reading(question.map(({ row }) => row));
      let rows = question.map(({ asked }) => asked);
      const heard = new Set(Array(numHeard).keys());
      const [end, other] = [-1, question[0].symbols.length]; // in place of a word's number
      const said = [];
      const probabilities = [];
      while (said.length < LONGEST || spoken !== null) {
        let logits;
        ({ logits, state } = await this.model.read(rows, state));
        const ofSymbols = logits[0].map((row) =>
          softmax([...row.subarray(numSources, numSources + this.numSymbols), row[startOfSource]]),
        );
        const free = question.map(({ symbols }) => {
          const taken = new Set([...heard].map((number) => symbols[number]));
          return [...Array(this.numSymbols).keys()].filter((symbol) => !taken.has(symbol));
        });
        const mean = (ofRow) => ofSymbols.reduce((sum, row, number) => sum + ofRow(row, number), 0) / ofSymbols.length;
        const odds = new Map();
        for (const word of heard) odds.set(word, mean((row, number) => row[question[number].symbols[word]]));
        const ofFree = mean((row, number) => free[number].reduce((sum, symbol) => sum + row[symbol], 0));
        odds.set(other, ofFree);
        odds.set(end, mean((row) => row[this.numSymbols]));
        const next = spoken === null ? likeliestOf(odds) : (spoken[said.length] ?? end);
        probabilities.push(odds.get(next) ?? ofFree);
        if (next === end) break;
        said.push(next);
        if (spoken !== null) heard.add(next);
        // A word that no example has is said by the most probable symbol that no word has.
        rows = question.map(({ symbols }, number) => {
          const symbol = symbols[next] ?? likeliestOf(free[number].map((one) => [one, ofSymbols[number][one]]));
          return [numSources + symbol];
        });
      }
      return { said, probabilities };
    }
  }

  /** Of pairs with numbers, what has the greatest; of equal ones, the first. */
  function likeliestOf(odds) {
    let [best, most] = [null, -Infinity];
    for (const [one, probability] of odds) if (probability > most) [best, most] = [one, probability];
    return best;
  }

  const wordsOfClass = (ofWord, ofClass) => [...ofWord].flatMap(([word, one]) => (one === ofClass ? [word] : []));

  /** A sentence without the marks of its verb, which the family's grammars haven't. */
  function unmarked(sentence, { family, ofWord }) {
    if (family !== "grammar") return sentence;
    const isMark = (number) => ofWord.get(sentence[number]) === PLURAL && ofWord.get(sentence[number - 1]) === VERB;
    return sentence.filter((_, number) => !(number && isMark(number)));
  }

  /**
   * So many ways to give words their classes, the more of one the more probable it is.
   *
   * @param {Belief} belief
   * @param {string[]} sentence
   * @param {number} number
   * @param {function(string, Map<string, number>): boolean} hasRoom Whether a model has symbols for a family's classes
   *     of words.
   * @returns {{family: string, ofWord: Map<string, number>}[]}
   * @throws {TranslationError} The sentence can be none of the language; a `TooManyWordsError`, if there is room for
   *     none.
   */
  function likelyClasses(belief, sentence, number, hasRoom) {
    const found = new Map();
    const likeliest = [...belief.weighted()].sort((one, other) => compareOdds(other[0], one[0]));
    for (const [weight, posterior, h] of likeliest.slice(0, MAX_HYPOTHESES)) {
      const family = posterior.components[h.component].name;
      for (const { probability, form, settings } of translations(posterior, h, sentence)) {
        const left = given(posterior, h, sentence, new Map([[form.join(), settings]]));
        // The probable ways come first.
        for (const [share, one] of take(left.inFull(), MAX_CLASSES)) {
          const decided = [...one.decided].sort((a, b) => compareTexts(a[0], b[0]));
          const key = [family, ...decided.flat().map(String)];
          const name = key.join("\n");
          if (!found.has(name)) found.set(name, { key, family, ofWord: new Map(decided), weight: 0 });
          found.get(name).weight += weight * probability * share;
        }
      }
    }
    if (!found.size) throw new TranslationError("The sentence can be none of the language that the examples are of.");
    const all = [...found.values()];
    const roomy = all.filter(({ family, ofWord }) => hasRoom(family, ofWord));
    if (!roomy.length) {
      const most = Math.max(...all.map(({ ofWord }) => ofWord.size));
      throw new TooManyWordsError(`This model has no room for ${most} source words of such classes.`, most);
    }
    const best = roomy
      .sort((one, other) => compareOdds(other.weight, one.weight) || compareLists(one.key, other.key))
      .slice(0, MAX_CLASSES);
    const total = best.reduce((sum, { weight }) => sum + weight, 0);
    let leftOver = 0;
    const chosen = best.flatMap(({ family, ofWord, weight }) => {
      leftOver += (number * weight) / total;
      const times = toEven(Math.fround(leftOver));
      leftOver -= times;
      return Array(Math.max(times, 0)).fill({ family, ofWord });
    });
    return chosen.length ? chosen : [best[0]];
  }

  /** The nearest integer; of two, the even one, as Python has it. */
  function toEven(number) {
    const rounded = Math.round(number);
    return rounded - number === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  }

  metatrans.model = { ...metatrans.model, MixedReader };
})((globalThis.metatrans ??= {}));
