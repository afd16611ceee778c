/**
 * What examples teach a model that reads words in place: what words are, and which of them translates which.
 * As `spelling_metalstm.py` and `lesson_metalstm.py`, with the same sentences for what can't be read.
 */
(() => {
  "use strict";

  const MAX_SENTENCE_WORDS = 1_000;
  const MAX_SENTENCE_CHARACTERS = 100_000;
  const MAX_EXAMPLE_WORDS = 10_000; // source words of all examples together

  const ZERO_WIDTH_JOINER = "\u200d"; // which makes one emoji of several

  /** Python's white space, which isn't that of `\s`. */
  const WHITE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
  const BLANK = new RegExp(`${WHITE}+`, "u");
  const IS_BLANK = new RegExp(`^${WHITE}$`, "u");

  /** The punctuation that stands before and after words, and is none of their letters. */
  const OPENING = new Set("\"“”„«»‹›([{¿¡-–—…");
  const CLOSING = new Set("\"“”„«»‹›)]}.,;:!?-–—…。、，！？；：।؟،؛");

  /** Marks that may be letters too, with those that then close a quotation. */
  const QUOTES = { "'": "'", "‘": "’", "‚": "‘’", "’": "’", "`": "`'" };

  const APOSTROPHES = /[’‘ʼ′＇]/gu;
  const INVISIBLE = /^[\p{Cf}\ufe00-\ufe0f]$/u;
  const MARK = /^\p{M}$/u;

  const numbered = (number) => number.toLocaleString("en-US");

  /** An input that can't be translated; the message is a sentence for the person who typed it. */
  class TranslationError extends Error {}

  /** More distinct words than the model has symbols; `number` is how many there are. */
  class TooManyWordsError extends TranslationError {
    constructor(message, number) {
      super(message);
      this.number = number;
    }
  }

  /** A text as Python shows it, shortened if it is long, as `reprlib.repr` does. */
  function shown(text) {
    const limit = 30;
    const letters = [...text];
    const whole = [...quoted(letters.slice(0, limit).join(""))];
    if (letters.length <= limit && whole.length <= limit) return whole.join("");
    const before = Math.floor((limit - 3) / 2);
    const after = limit - 3 - before;
    const ends = [...quoted([...letters.slice(0, before), ...letters.slice(letters.length - after)].join(""))];
    return `${ends.slice(0, before).join("")}...${ends.slice(ends.length - after).join("")}`;
  }

  /** A text in the quotation marks that Python gives it. */
  function quoted(text) {
    const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
    const names = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [mark]: `\\${mark}` };
    return mark + [...text].map((letter) => names[letter] ?? letter).join("") + mark;
  }

  const quoteWords = (words) => shown(words.join(" "));

  const isInvisible = (letter) => INVISIBLE.test(letter);

  /** A letter in the form in which capitals and small letters are the same, as `str.casefold` gives it. */
  const folded = (letter) => (letter === "ı" ? letter : letter.toLowerCase().toUpperCase().toLowerCase());

  /**
   * A word without the punctuation of its sentence; one that is nothing else, as it is. What people write within words
   * stays, also at their ends: apostrophes, unless two of them quote the word, asterisks, and what else isn't one of
   * the marks above.
   */
  function stripPunctuation(word) {
    const letters = [...word];
    let start = 0;
    let end = letters.length;
    while (start < end && OPENING.has(letters[start])) start++;
    const stripEnd = () => {
      while (end > start && CLOSING.has(letters[end - 1])) end--;
    };
    stripEnd();
    if (end - start > 2 && QUOTES[letters[start]]?.includes(letters[end - 1])) {
      start++;
      end--;
      stripEnd();
    }
    return letters.slice(start, end).join("") || word;
  }

  /** A text's letters, each with the marks that belong to it; an emoji of several is one. */
  function lettersOf(text) {
    const found = [];
    for (const letter of text) {
      const last = found.at(-1);
      const joins = last !== undefined && (last.endsWith(ZERO_WIDTH_JOINER) || letter === ZERO_WIDTH_JOINER);
      if (last !== undefined && (joins || isInvisible(letter) || MARK.test(letter))) {
        found[found.length - 1] += letter;
      } else if (!IS_BLANK.test(letter)) {
        found.push(letter);
      }
    }
    return found;
  }

  const wordsBetweenBlanks = (text) => text.split(BLANK).filter((part) => part);

  /** What the words of a text are, and which of them are the same. */
  class Spelling {
    /**
     * @param {?string} separator What stands between words; null: white space; "": each letter is a word.
     * @param {boolean} exact Whether words are the same only if they are written alike.
     */
    constructor(separator = null, exact = false) {
      this.separator = separator;
      this.exact = exact;
    }

    /** The words of a text, without the punctuation around them. */
    split(text) {
      let parts;
      if (this.separator === null) parts = wordsBetweenBlanks(text);
      else if (this.separator === "") parts = lettersOf(text);
      else parts = text.split(wordsBetweenBlanks(this.separator).length ? stripBlanks(this.separator) : this.separator);
      parts = parts.map((part) => wordsBetweenBlanks(part).join(" ")).filter((part) => part);
      return this.exact ? parts : parts.map(stripPunctuation);
    }

    /**
     * The words of what somebody gave as a sentence.
     *
     * @param {string} name What an error calls it.
     * @throws {TranslationError} It is empty, or longer than 1,000 words.
     */
    splitSentence(sentence, name = "The sentence") {
      if (typeof sentence !== "string") throw new TranslationError(`${name} must be text, such as 'blue red'.`);
      const length = sentence.length > MAX_SENTENCE_CHARACTERS ? [...sentence].length : 0;
      if (length > MAX_SENTENCE_CHARACTERS) {
        throw new TranslationError(
          `${name} has ${numbered(length)} characters; at most ${numbered(MAX_SENTENCE_CHARACTERS)} are allowed.`,
        );
      }
      const words = this.split(sentence);
      if (!words.length) throw new TranslationError(`${name} is empty; it needs at least one word.`);
      if (words.length > MAX_SENTENCE_WORDS) {
        throw new TranslationError(
          `${name} has ${numbered(words.length)} words; at most ${numbered(MAX_SENTENCE_WORDS)} are allowed.`,
        );
      }
      return words;
    }

    /** A text of these words. */
    join(words) {
      return words.join(this.separator ?? " ");
    }

    /** Words are the same if this is. */
    key(word) {
      const composed = word.normalize("NFC");
      if (this.exact) return composed;
      const visible = [...composed].filter((letter) => letter === ZERO_WIDTH_JOINER || !isInvisible(letter)).join("");
      const plain = (visible || composed).replace(APOSTROPHES, "'");
      return [...plain].map(folded).join("").normalize("NFC");
    }
  }

  function stripBlanks(text) {
    return text.replace(new RegExp(`^${WHITE}+|${WHITE}+$`, "gu"), "");
  }

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
            `The examples 1 to ${numbered(number)} have ${numbered(numWords)} source words; at most ` +
              `${numbered(MAX_EXAMPLE_WORDS)} are allowed in all.`,
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

  const metatrans = (globalThis.metatrans ??= {});
  metatrans.model = { ...metatrans.model, Lesson, Spelling, TooManyWordsError, TranslationError };
})();
