// What is said to a person whose input can't be translated.

((metatrans) => {
  "use strict";

  /** An input that can't be translated; the message is a sentence for the person who typed it. */
  class TranslationError extends Error {
    constructor(message) {
      super(message);
      this.name = "TranslationError";
    }
  }

  /** More distinct words than a model has symbols; `number` is how many there are. */
  class TooManyWordsError extends TranslationError {
    constructor(message, number) {
      super(message);
      this.number = number;
    }
  }

  Object.assign(metatrans, { TooManyWordsError, TranslationError });
})((globalThis.metatrans ??= {}));
