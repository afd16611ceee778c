/**
 * What examples teach a model that reads words in place: which of them translates which.
 * As `lesson_metalstm.py`, with the same sentences for what can't be read.
 */
((metatrans) => {
  "use strict";

  const { Spelling, TooManyWordsError, TranslationError, shown, thousands } = metatrans;

  const MAX_EXAMPLE_WORDS = 10_000; // source words of all examples together

  const quoteWords = (words) => shown(words.join(" "));

  /** The words of one side of a lesson, by what makes them the same; new ones join it as they are asked for. */
  class Words {
    constructor(spelling, words) {
      this.spelling = spelling;
      this.firstWritten = new Map([...words].map((word) => [spelling.key(word), word]));
    }

    /** Words as they were written first. */
    asFirstWritten(words) {
      return words.map((word) => {
        const key = this.spelling.key(word);
        if (!this.firstWritten.has(key)) this.firstWritten.set(key, word);
        return this.firstWritten.get(key);
      });
    }
  }

  /**
   * What examples teach a model of so many source and target words. A lesson never changes: `add` gives another one.
   * A word is written here as it was first.
   *
   * `examples` are `{source, target}`, both lists of words; `lexicon` maps each source word to its translation, in the
   * order of their first use; `firstUse` to the number, from 1, of the example that it is first in; `numWords` counts
   * the source words of all examples, repetitions too.
   */
  class Lesson {
    constructor(numSources, numTargets, spelling, examples, lexicon, firstUse, numWords) {
      Object.assign(this, { numSources, numTargets, spelling, examples, lexicon, firstUse, numWords });
    }

    /**
     * What pairs such as `[["red", "dax"], ["blue red", "wif dax"]]` teach.
     *
     * @throws {TranslationError} There are none, one can't be read, or two contradict each other.
     */
    static fromExamples(pairs, numSources, numTargets, spelling = new Spelling()) {
      if (!pairs.length) {
        throw new TranslationError("There are no examples; give at least one pair, such as ('red', 'dax').");
      }
      return new Lesson(numSources, numTargets, spelling, [], new Map(), new Map(), 0).with(pairs);
    }

    /** What this lesson and one more example teach. */
    add(source, target) {
      return this.with([[source, target]]);
    }

    /**
     * The words of a sentence to translate, as they were first written.
     *
     * @throws {TranslationError} It isn't a sentence, or the examples and it have too many distinct words.
     */
    ask(sentence) {
      const words = new Words(this.spelling, this.lexicon.keys()).asFirstWritten(this.spelling.splitSentence(sentence));
      checkNumber("source", [...new Set([...this.lexicon.keys(), ...words])], this.numSources, "examples and the sentence");
      return words;
    }

    /** This lesson and more examples: all are read first, then compared with what is known, then counted. */
    with(pairs) {
      const examples = this.read(pairs);
      const [lexicon, firstUse] = this.learn(examples);
      checkNumber("source", [...lexicon.keys()], this.numSources, "examples");
      checkNumber("target", [...lexicon.values()], this.numTargets, "examples");
      const numWords = examples.reduce((sum, example) => sum + example.source.length, this.numWords);
      const all = [...this.examples, ...examples];
      return new Lesson(this.numSources, this.numTargets, this.spelling, all, lexicon, firstUse, numWords);
    }

    /** Pairs as examples, their words written as they were first, in this lesson or in them. */
    read(pairs) {
      const sources = new Words(this.spelling, this.lexicon.keys());
      const targets = new Words(this.spelling, this.lexicon.values());
      let numWords = this.numWords;
      return pairs.map((pair, i) => {
        const number = this.examples.length + 1 + i;
        const source = this.spelling.splitSentence(pair[0], `The source side of example ${number}`);
        const target = this.spelling.splitSentence(pair[1], `The target side of example ${number}`);
        if (source.length !== target.length) {
          throw new TranslationError(
            `Example ${number} has ${source.length} source and ${target.length} target words (${quoteWords(source)} ` +
              `and ${quoteWords(target)}), but each word must have its translation at the same place.`,
          );
        }
        numWords += source.length;
        if (numWords > MAX_EXAMPLE_WORDS) {
          throw new TranslationError(
            `The examples 1 to ${thousands(number)} have ${thousands(numWords)} source words; at most ` +
              `${thousands(MAX_EXAMPLE_WORDS)} are allowed in all.`,
          );
        }
        return { source: sources.asFirstWritten(source), target: targets.asFirstWritten(target) };
      });
    }

    /** The lexicon with what more examples say, and the example that each of its words is first in. */
    learn(examples) {
      const lexicon = new Map(this.lexicon);
      const firstUse = new Map(this.firstUse);
      const meaning = new Map([...lexicon].map(([source, target]) => [target, source]));
      examples.forEach((example, i) => {
        const number = this.examples.length + 1 + i;
        example.source.forEach((source, place) => {
          const target = example.target[place];
          if (!lexicon.has(source)) lexicon.set(source, target);
          if (!meaning.has(target)) meaning.set(target, source);
          const [knownTarget, knownSource] = [lexicon.get(source), meaning.get(target)];
          if (knownTarget !== target) {
            throw new TranslationError(
              `${contradiction(firstUse.get(source), number)}: ${quoteWords([source])} is translated as ` +
                `${quoteWords([knownTarget])} and as ${quoteWords([target])}, but a word has one translation.`,
            );
          }
          if (knownSource !== source) {
            throw new TranslationError(
              `${contradiction(firstUse.get(knownSource), number)}: ${quoteWords([target])} translates both ` +
                `${quoteWords([knownSource])} and ${quoteWords([source])}, but different words have different ` +
                "translations.",
            );
          }
          if (!firstUse.has(source)) firstUse.set(source, number);
        });
      });
      return [lexicon, firstUse];
    }
  }

  /** @throws {TooManyWordsError} There are more distinct words than the model has symbols. */
  function checkNumber(kind, words, limit, where) {
    if (words.length > limit) {
      throw new TooManyWordsError(
        `This model takes at most ${limit} distinct ${kind} words, but the ${where} have ${words.length}: ` +
          `${quoteWords(words)}.`,
        words.length,
      );
    }
  }

  /** How an error about two examples begins. */
  function contradiction(first, second) {
    return first === second ? `Example ${first} contradicts itself` : `Examples ${first} and ${second} disagree`;
  }

  metatrans.model = { ...metatrans.model, Lesson };
})((globalThis.metatrans ??= {}));
