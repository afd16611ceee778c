// The model that is asked beside the exact translator, as in `asked.py`: one that reads words in place, or, where a
// language isn't a word for a word, the grammarian.

((metatrans) => {
  "use strict";

  const { TranslationError } = metatrans;
  const { MixedReader, TranslatorSession, loadModel } = metatrans.model;

  const [MODEL, GRAMMARIAN] = ["model", "grammarian"];

  /** The name of the model that is asked about a language; null, if the page has none for it. */
  function whoReads(exact) {
    const name = exact.isInPlace ? MODEL : GRAMMARIAN;
    return metatrans.modelNames?.includes(name) ? name : null;
  }

  let reader = null;

  /** What reads for the grammarian. */
  async function grammarian() {
    reader ??= new MixedReader(await loadModel(GRAMMARIAN));
    return reader;
  }

  /**
   * What the model says.
   *
   * @param {ExactTranslator} exact That has read the rules, and for which there is a model.
   * @param {[string, string][]} pairs The rules.
   * @param {string} sentence
   * @param {object} options
   * @param {boolean} options.isBack Ask for the sentence, given its translation.
   * @param {?string} options.separator As of `Spelling`.
   * @param {boolean} options.exact As of `Spelling`.
   * @returns {Promise<{translationText: string, words: object[]}>} Each word has its `target` and `probability`.
   * @throws {TranslationError} It can't say.
   */
  async function ask(exact, pairs, sentence, { isBack, ...spelling }) {
    if (whoReads(exact) === MODEL) {
      const model = await loadModel(MODEL);
      const turned = isBack ? pairs.map(([source, target]) => [target, source]) : pairs;
      return new TranslatorSession(model, turned, spelling).translate(sentence);
    }
    if (isBack) throw new TranslationError("It translates into your words only.");
    return (await grammarian()).translate(exact, sentence);
  }

  /**
   * How well the model foresees the examples, each after those before it.
   *
   * @param {ExactTranslator} exact As of `ask`.
   * @param {(?{belief: Belief, before: Example[]})[]} steps Of each example what `predicted` has.
   * @returns {Promise<{odds: ?number[], error: ?string}[]>} Of each example, the probability of each word of its
   *     translation, and of its end; null of one that was left out, or that it can't read, and then why.
   * @throws {TranslationError} It can't read any of them.
   */
  async function foresee(exact, steps) {
    const { examples } = exact.sides;
    if (whoReads(exact) === MODEL) {
      const foreseen = await TranslatorSession.ofUnits(await loadModel(MODEL), examples).foresee();
      return foreseen.map((odds) => ({ odds, error: null }));
    }
    const mixed = await grammarian();
    const found = [];
    for (const [number, step] of steps.entries()) {
      const one = { odds: null, error: null };
      try {
        if (step) one.odds = await mixed.foresee(step.belief, step.before, examples[number]);
      } catch (error) {
        if (!(error instanceof TranslationError)) throw error;
        one.error = error.message;
      }
      found.push(one);
    }
    if (found.every(({ odds }) => !odds)) throw new TranslationError(found.find(({ error }) => error).error);
    return found;
  }

  metatrans.model = { ...metatrans.model, GRAMMARIAN, ask, foresee, whoReads };
})((globalThis.metatrans ??= {}));
