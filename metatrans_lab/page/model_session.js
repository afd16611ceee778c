/**
 * A session of the page's model that translates by examples as `TranslatorSession` in `session_metalstm.py` does, binding
 * for binding.
 *
 *     const model = await metatrans.model.loadModel();
 *     const session = new metatrans.model.TranslatorSession(model, [["red", "dax"], ["blue red", "wif dax"]]);
 *     (await session.translate("blue red")).translationText; // "wif dax"
 */
((metatrans) => {
  "use strict";

  const { Spelling, TranslationError, UNKNOWN_WORD, keyOf } = metatrans;
  const { Lesson, SeededRandom, softmax } = metatrans.model;

  const MAX_BINDINGS = 100;
  const NUM_BINDINGS = 8;

  /**
   * Translates by examples, in words of the user's own: each distinct word is bound to a random symbol of the model's
   * alphabet, the model says as many target words as the sentence has, and they are bound back. Several such bindings
   * are averaged, which evens out how far the model doesn't treat its symbols alike.
   */
  class TranslatorSession {
    /**
     * @param {Model} model
     * @param {string[][]} examples Pairs of a sentence and its translation; words stand at the same place in both.
     * @param {object} [options]
     * @param {number} [options.numBindings] How many random bindings to average, 1 to 100.
     * @param {number} [options.seed] Of the bindings; the same seed gives the same results, in Python too.
     * @param {?string} [options.separator] What stands between words, as of `Spelling`.
     * @param {boolean} [options.exact] Whether words are the same only if they are written alike.
     * @throws {TranslationError} Examples that can't be read, in a sentence that says why.
     */
    constructor(model, examples, { numBindings = NUM_BINDINGS, seed = 0, separator = null, exact = false } = {}) {
      if (!Number.isInteger(numBindings) || numBindings < 1 || numBindings > MAX_BINDINGS) {
        throw new TranslationError(
          `\`num_bindings\` must be an integer from 1 to ${MAX_BINDINGS}, not ${numBindings}.`,
        );
      }
      this.model = model;
      this.spelling = new Spelling(separator, exact);
      this.lesson = Lesson.fromExamples(examples, model.numSources, model.numTargets, this.spelling);
      const random = new SeededRandom(seed);
      this.bindings = Array.from({ length: numBindings }, () => drawBinding(model, random));
      this.state = model.emptyState(numBindings); // after `numRead` examples
      this.numRead = 0;
      this.last = Promise.resolve();
    }

    /**
     * A session of examples in the units that the exact translator reads.
     *
     * @param {Model} model
     * @param {Example[]} examples
     * @throws {TranslationError} As the constructor.
     */
    static ofUnits(model, examples) {
      const pairs = examples.map(({ source, target }) => [keyOf(source), keyOf(target)]);
      return new TranslatorSession(model, pairs, { separator: "\n", exact: true });
    }

    /** One more example, at the end. */
    add(source, target) {
      this.lesson = this.lesson.add(source, target);
    }

    /**
     * Translates a sentence. Questions that are asked while another is answered wait for their turn.
     *
     * @returns {Promise<{translationText: string, words: object[]}>} Of each word its `source`; `target`, "?" where the
     *   most probable symbol is none of the user's words; the `probability` of that word, or of all words without a
     *   name together; `guess`: whether no example translates it; `taught`: what the examples translate it as; and
     *   `example`: the number, from 1, of the first that does; both null for a guess.
     * @throws {TranslationError} It can't be translated, in a sentence that says why.
     */
    async translate(sentence) {
      const { lesson } = this;
      const question = lesson.ask(sentence);
      const answer = this.last.then(async () => {
        await this.readExamples(lesson);
        return this.answer(question, lesson);
      });
      this.last = answer.catch(() => {});
      return answer;
    }

    /**
     * How well the model foresees the examples, each after those before it.
     *
     * @returns {Promise<number[][]>} Of each example, the probability of each word of its translation, and of its end. A
     *   word that was in no translation before counts as any such word.
     */
    async foresee() {
      const { model, lesson } = this;
      const end = model.numTargets;
      const heard = new Set();
      const found = [];
      let state = model.emptyState(this.bindings.length);
      for (const example of lesson.examples) {
        const tokens = writeExamples(model, [example], lesson.lexicon);
        const words = tokens.slice(-example.target.length).map((token) => token - model.numSources);
        const read = await model.read(this.inSymbols(tokens), state, words.length + 1);
        state = read.state;
        found.push(
          [...words, end].map((word, place) => {
            const probabilities = this.average(read.logits[place], true);
            if (word === end || heard.has(word)) return probabilities[word];
            const ofNewWords = probabilities.filter((_, other) => other !== end && !heard.has(other));
            heard.add(word);
            return ofNewWords.reduce((a, b) => a + b);
          }),
        );
      }
      return found;
    }

    /**
     * How the model translates each word of the examples alone, after all of them.
     *
     * @returns {Promise<Map<string, Map<string, number>>>} Of each source word, the probability of each target word.
     */
    async wordProbabilities() {
      const { model, lesson } = this;
      await this.readExamples(lesson);
      const found = new Map();
      for (const source of lesson.lexicon.keys()) {
        const { logits } = await model.read(this.inSymbols(writeQuestion(model, [source], lesson.lexicon)), this.state);
        const probabilities = this.average(logits[0]);
        found.set(source, new Map([...lesson.lexicon.values()].map((target, word) => [target, probabilities[word]])));
      }
      return found;
    }

    /** Has all of a lesson read; if that fails, what was read before stays. */
    async readExamples(lesson) {
      const tokens = writeExamples(this.model, lesson.examples.slice(this.numRead), lesson.lexicon);
      if (!tokens.length) return;
      const { state } = await this.model.read(this.inSymbols(tokens), this.state);
      [this.state, this.numRead] = [state, lesson.examples.length];
    }

    /** Tokens before any binding as a row of the model's for each binding. */
    inSymbols(tokens) {
      return this.bindings.map((binding) => tokens.map((token) => binding[token]));
    }

    /**
     * The probabilities of all target words that there can be, in the order of words, averaged over the bindings.
     *
     * @param {Float32Array[]} logits Of each binding.
     * @param {boolean} mayEnd Whether the translation may end here too; the last probability is that of its end.
     */
    average(logits, mayEnd = false) {
      const { numSources, numTargets } = this.model;
      const number = numTargets + mayEnd;
      const ofSymbols = logits.map((row) => softmax(row.subarray(numSources, numSources + number)));
      return Array.from({ length: number }, (_, word) => {
        const ofWord = this.bindings.map((binding, row) => ofSymbols[row][binding[numSources + word] - numSources]);
        return ofWord.reduce((a, b) => a + b) / ofWord.length;
      });
    }

    /**
     * Greedy decoding of as many target words as the sentence has, in words rather than symbols, so that all bindings
     * say the same.
     */
    async answer(question, { lexicon, firstUse }) {
      const { numSources } = this.model;
      const names = [...lexicon.values()];
      let rows = this.inSymbols(writeQuestion(this.model, question, lexicon));
      let { state } = this;
      let numWords = names.length;
      const words = [];
      for (const source of question) {
        let logits;
        ({ logits, state } = await this.model.read(rows, state));
        const probabilities = this.average(logits[0]);
        const said = chooseWord(probabilities, numWords);
        // A word without a name that was said once is a word of this sentence.
        numWords = Math.max(numWords, said + 1);
        rows = this.bindings.map((binding) => [binding[numSources + said]]);
        const named = said < names.length;
        const nameless = 1 - probabilities.slice(0, names.length).reduce((a, b) => a + b, 0);
        words.push({
          source,
          target: named ? names[said] : UNKNOWN_WORD,
          probability: Math.min(Math.max(named ? probabilities[said] : nameless, 0), 1),
          guess: !lexicon.has(source),
          taught: lexicon.get(source) ?? null,
          example: firstUse.get(source) ?? null,
        });
      }
      return { translationText: this.spelling.join(words.map((word) => word.target)), words };
    }
  }

  /**
   * Binds every word that there can be to a symbol of its own, drawn at random: the tokens of the first, second, …
   * source word, then of the target words, then `␁` and `␂` themselves.
   */
  function drawBinding({ numSources, numTargets, startOfSource, startOfTarget }, random) {
    const numbers = Array.from({ length: numSources + numTargets }, (_, number) => number);
    const sources = random.shuffled(numbers.slice(0, numSources));
    const targets = random.shuffled(numbers.slice(numSources));
    return [...sources, ...targets, startOfSource, startOfTarget];
  }

  /**
   * `␁ s…s ␂`, the question for a translation, in tokens before any binding: the first distinct source word of the
   * examples is 0, the next 1, …, and words that are new here follow.
   */
  function writeQuestion({ startOfSource, startOfTarget }, words, lexicon) {
    const numbers = new Map([...new Set([...lexicon.keys(), ...words])].map((word, number) => [word, number]));
    return [startOfSource, ...words.map((word) => numbers.get(word)), startOfTarget];
  }

  /** `␁ s…s ␂ t…t` of each example, in tokens before any binding. */
  function writeExamples(model, examples, lexicon) {
    const numbers = new Map([...lexicon.keys()].map((word, number) => [word, number]));
    return examples.flatMap(({ source }) => {
      const ofWords = source.map((word) => numbers.get(word));
      const said = ofWords.map((number) => model.numSources + number);
      return [model.startOfSource, ...ofWords, model.startOfTarget, ...said];
    });
  }

  /**
   * The most probable word. Those from `numWords` on are words that nothing has been said of: they are alike and share
   * their probability, and the first of them is chosen for all.
   */
  function chooseWord(probabilities, numWords) {
    const left = probabilities.slice(numWords);
    const share = left.reduce((a, b) => a + b, 0) / Math.max(left.length, 1);
    // Of words as good as each other, to rounding, the first.
    const scores = probabilities.map((p, word) => Math.log(word < numWords ? p : share) - 1e-6 * word);
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  }

  metatrans.model = { ...metatrans.model, TranslatorSession };
})((globalThis.metatrans ??= {}));
