// What the words of a text are, and which of them are the same, however they are written.

((metatrans) => {
  "use strict";

  const { TranslationError, casefold, isBlank, lengthOf, shown, splitBlanks, strip } = metatrans;
  const { stripLeft, stripRight, thousands } = metatrans;

  const MAX_SENTENCE_WORDS = 1_000;
  const MAX_SENTENCE_CHARACTERS = 100_000;

  const ZERO_WIDTH_JOINER = "\u200d"; // which makes one emoji of several

  // The punctuation that stands before and after words, and is none of their letters.
  const OPENING = '"“”„«»‹›([{¿¡-–—…';
  const CLOSING = '"“”„«»‹›)]}.,;:!?-–—…。、，！？；：।؟،؛';

  // Marks that may be letters too, with those that then close a quotation.
  const QUOTES = new Map([
    ["'", "'"],
    ["‘", "’"],
    ["‚", "‘’"],
    ["’", "’"],
    ["`", "`'"],
  ]);

  const APOSTROPHES = /[’‘ʼ′＇]/g;

  /** Whether a character has no shape of its own: marks of direction and the like, and how to draw the one before. */
  function isInvisible(letter) {
    return /^[\p{Cf}\ufe00-\ufe0f]$/u.test(letter);
  }

  /**
   * A word without the punctuation of its sentence; one that is nothing else, as it is. What people write within words
   * stays, also at their ends: apostrophes, unless two of them quote the word, and what isn't one of the marks above.
   */
  function stripPunctuation(word) {
    let bare = stripRight(stripLeft(word, OPENING), CLOSING);
    const closing = QUOTES.get(bare[0]);
    if (bare.length > 2 && closing && closing.includes(bare[bare.length - 1])) {
      bare = stripRight(bare.slice(1, -1), CLOSING);
    }
    return bare || word;
  }

  /** A text's letters, each with the marks that belong to it; an emoji of several is one. */
  function lettersOf(text) {
    const found = [];
    for (const letter of text) {
      const last = found.length - 1;
      const joins = last >= 0 && (found[last].endsWith(ZERO_WIDTH_JOINER) || letter === ZERO_WIDTH_JOINER);
      if (last >= 0 && (joins || isInvisible(letter) || /^\p{M}$/u.test(letter))) found[last] += letter;
      else if (!isBlank(letter)) found.push(letter);
    }
    return found;
  }

  const MOST_KEPT = 20_000; // words and sentences of one spelling
  const MOST_USED = 4; // spellings

  let inUse = [];

  class Spelling {
    /**
     * @param {?string} separator What stands between words; by default any white space. With "" each letter is a word.
     * @param {boolean} exact Are words the same only if they are written alike? By default case and the punctuation
     *     around a word don't count.
     * @throws {TranslationError} They can't be what they are, in a sentence that says what is allowed.
     */
    constructor(separator = null, exact = false) {
      if (separator !== null && typeof separator !== "string") {
        throw new TranslationError(
          "The `separator` must be a text such as ', ', '' for words of one letter, or None for white space, " +
            `not ${shown(separator)}.`,
        );
      }
      if (typeof exact !== "boolean") {
        throw new TranslationError(`\`exact\` must be True or False, not ${shown(exact)}.`);
      }
      this.separator = separator;
      this.exact = exact;
      // What was asked for is kept: nearly all of it is asked for again and again.
      this.keys = new Map();
      this.sentences = new Map();
    }

    /** As a new one; but one that was used before, with all that it has kept. */
    static of(separator, exact) {
      const known = inUse.find((spelling) => spelling.separator === separator && spelling.exact === exact);
      if (known !== undefined && known.keys.size + known.sentences.size < MOST_KEPT) return known;
      const spelling = new Spelling(separator, exact);
      inUse = [spelling, ...inUse.filter((other) => other !== known)].slice(0, MOST_USED);
      return spelling;
    }

    /** The words of a text, without the punctuation around them. */
    split(text) {
      let parts;
      if (this.separator === null) parts = splitBlanks(text);
      else if (this.separator === "") parts = lettersOf(text);
      else parts = text.split(strip(this.separator) || this.separator);
      const words = parts.map((part) => splitBlanks(part).join(" ")).filter((part) => part);
      return this.exact ? words : words.map(stripPunctuation);
    }

    /**
     * The words of what somebody gave as a sentence; `name` is what an error calls it.
     * @throws {TranslationError} It isn't text, is empty or is too long.
     */
    splitSentence(sentence, name = "The sentence") {
      let words = this.sentences.get(sentence);
      if (words === undefined) {
        words = this.#splitNew(sentence, name);
        this.sentences.set(sentence, words);
      }
      return words;
    }

    #splitNew(sentence, name) {
      if (typeof sentence !== "string") {
        throw new TranslationError(`${name} must be text, such as 'blue red', not ${shown(sentence)}.`);
      }
      const length = lengthOf(sentence);
      if (length > MAX_SENTENCE_CHARACTERS) {
        throw new TranslationError(
          `${name} has ${thousands(length)} characters; at most ${thousands(MAX_SENTENCE_CHARACTERS)} are allowed.`,
        );
      }
      const words = this.split(sentence);
      if (!words.length) throw new TranslationError(`${name} is empty; it needs at least one word.`);
      if (words.length > MAX_SENTENCE_WORDS) {
        throw new TranslationError(
          `${name} has ${thousands(words.length)} words; at most ${thousands(MAX_SENTENCE_WORDS)} are allowed.`,
        );
      }
      return words;
    }

    /** A text of these words. */
    join(words) {
      return words.join(this.separator === null ? " " : this.separator);
    }

    /** Words are the same if this is. */
    key(word) {
      let key = this.keys.get(word);
      if (key === undefined) {
        key = this.#makeKey(word);
        this.keys.set(word, key);
      }
      return key;
    }

    #makeKey(written) {
      const word = written.normalize("NFC");
      if (this.exact) return word;
      const seen = Array.from(word).filter((letter) => letter === ZERO_WIDTH_JOINER || !isInvisible(letter));
      return casefold((seen.join("") || word).replace(APOSTROPHES, "'")).normalize("NFC");
    }
  }

  Object.assign(metatrans, { Spelling });
})((globalThis.metatrans ??= {}));
