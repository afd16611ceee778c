// What is the same for texts here as in Python: white space, case, order, and how values are shown in errors.

((metatrans) => {
  "use strict";

  /** White space, as Python's `str.isspace` and `\s` have it; to stand within a regular expression's brackets. */
  const BLANKS = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

  const RUNS = new RegExp(`[${BLANKS}]+`, "u");
  const BEFORE = new RegExp(`^[${BLANKS}]+`, "u");
  const BEHIND = new RegExp(`[${BLANKS}]+$`, "u");
  const BLANK = new RegExp(`^[${BLANKS}]+$`, "u");

  /** A text without the white space around it. */
  function strip(text) {
    return text.replace(BEFORE, "").replace(BEHIND, "");
  }

  /** A text without these characters at its begin. */
  function stripLeft(text, characters) {
    let first = 0;
    while (first < text.length && characters.includes(text[first])) first += 1;
    return text.slice(first);
  }

  /** A text without these characters at its end. */
  function stripRight(text, characters) {
    let end = text.length;
    while (end > 0 && characters.includes(text[end - 1])) end -= 1;
    return text.slice(0, end);
  }

  /** The parts of a text between white space, none of them empty. */
  function splitBlanks(text) {
    return text.split(RUNS).filter((part) => part);
  }

  function isBlank(letter) {
    return BLANK.test(letter);
  }

  /** The number of a text's characters, one for each code point. */
  function lengthOf(text) {
    let length = 0;
    for (const _ of text) length += 1;
    return length;
  }

  /** A text's first character; "" of an empty one. */
  function firstOf(text) {
    return text ? String.fromCodePoint(text.codePointAt(0)) : "";
  }

  function caseless(letter) {
    if (letter === "ı") return letter; // whose capital is the plain I's
    if (letter === "ẞ") return "ss";
    const upper = letter.toUpperCase(); // ß → SS, ς → Σ, ﬁ → FI
    if (/^[\u13a0-\u13f5]$/.test(upper)) return upper; // Cherokee, which is told apart by its capitals
    return Array.from(upper, (one) => one.toLowerCase()).join("");
  }

  /** A text without case, as `str.casefold` gives it. */
  function casefold(text) {
    return /^[\0-\x7f]*$/.test(text) ? text.toLowerCase() : Array.from(text, caseless).join("");
  }

  function isAlpha(text) {
    return /^\p{L}+$/u.test(text);
  }

  function isPrintable(letter) {
    return letter === " " || !/[\p{C}\p{Z}]/u.test(letter);
  }

  /** Negative, 0 or positive, by the order of code points, which JavaScript's < hasn't: it compares UTF-16 units. */
  function compareTexts(one, other) {
    const length = Math.min(one.length, other.length);
    for (let i = 0; i < length; i++) {
      let a = one.charCodeAt(i);
      let b = other.charCodeAt(i);
      if (a !== b) {
        // Surrogates stand for what comes after all others.
        if (a >= 0xd800 && a < 0xe000) a += 0x10000;
        if (b >= 0xd800 && b < 0xe000) b += 0x10000;
        return a - b;
      }
    }
    return one.length - other.length;
  }

  /** The same for lists of texts. */
  function compareLists(one, other) {
    const length = Math.min(one.length, other.length);
    for (let i = 0; i < length; i++) {
      const compared = compareTexts(one[i], other[i]);
      if (compared) return compared;
    }
    return one.length - other.length;
  }

  function hex(code, digits) {
    return code.toString(16).padStart(digits, "0");
  }

  /** A character as Python writes it in a literal, where it can't be seen. */
  function escaped(letter) {
    const code = letter.codePointAt(0);
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[letter];
    if (short) return short;
    return code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  }

  /** A text in quotation marks, as Python's `repr` writes it. */
  function quoted(text) {
    const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
    const shown = Array.from(text, (letter) => {
      if (letter === mark || letter === "\\") return `\\${letter}`;
      return isPrintable(letter) ? letter : escaped(letter);
    });
    return mark + shown.join("") + mark;
  }

  /** The begin and the end of characters that are too many, with dots between them. */
  function cut(characters, most) {
    const before = Math.floor((most - 3) / 2);
    const behind = most - 3 - before;
    return `${characters.slice(0, before).join("")}...${characters.slice(characters.length - behind).join("")}`;
  }

  const MOST_CHARACTERS = 30;

  function shownText(text) {
    const letters = Array.from(text);
    const all = quoted(letters.slice(0, MOST_CHARACTERS).join(""));
    if (letters.length <= MOST_CHARACTERS && lengthOf(all) <= MOST_CHARACTERS) return all;
    const before = Math.floor((MOST_CHARACTERS - 3) / 2);
    const behind = MOST_CHARACTERS - 3 - before;
    const rest = letters.slice(0, before).concat(letters.slice(Math.max(0, letters.length - behind)));
    return cut(Array.from(quoted(rest.join(""))), MOST_CHARACTERS);
  }

  function shownNumber(number) {
    if (!Number.isFinite(number)) return Number.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
    const [digits, exponent] = number.toExponential().split("e");
    const power = Number(exponent);
    if (power >= -4 && power < 16) return Number.isInteger(number) ? `${number}.0` : String(number);
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }

  /** A list of Python's kind that can't be changed: it is shown in round brackets. */
  class Tuple extends Array {}

  /** A number of a JSON text: as it is written there. */
  class JsonNumber {
    constructor(text) {
      this.text = text;
    }
  }

  const MOST_ITEMS = 6;
  const MOST_ENTRIES = 4;
  const MOST_LEVELS = 6;

  function shownItems(items, most, open, close, levels) {
    if (items.length && levels <= 0) return `${open}...${close}`;
    const shown = items.slice(0, most).map((show) => show(levels - 1));
    if (items.length > most) shown.push("...");
    const one = open === "(" && items.length === 1 ? "," : "";
    return `${open}${shown.join(", ")}${one}${close}`;
  }

  /** A value as Python's `reprlib.repr` shows it: short. Objects of JSON are Maps. */
  function shown(value, levels = MOST_LEVELS) {
    if (typeof value === "string") return shownText(value);
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return Number.isInteger(value) ? String(value) : shownNumber(value);
    if (value instanceof JsonNumber) {
      if (!/^-?\d+$/.test(value.text)) return shownNumber(Number(value.text));
      const digits = value.text === "-0" ? "0" : value.text;
      return digits.length > 40 ? cut(Array.from(digits), 40) : digits;
    }
    if (Array.isArray(value)) {
      const items = Array.from(value, (one) => (left) => shown(one, left));
      const [open, close] = value instanceof Tuple ? "()" : "[]";
      return shownItems(items, MOST_ITEMS, open, close, levels);
    }
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    entries.sort((one, other) => compareTexts(one[0], other[0]));
    const pairs = entries.map(([key, one]) => (left) => `${shown(key, left)}: ${shown(one, left)}`);
    return shownItems(pairs, MOST_ENTRIES, "{", "}", levels);
  }

  /** 12345 → "12,345". */
  function thousands(number) {
    return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  Object.assign(metatrans, {
    ...{ BLANKS, JsonNumber, Tuple, casefold, compareLists, compareTexts, escaped, firstOf, isAlpha, isBlank },
    ...{ isPrintable, lengthOf, quoted, shown, splitBlanks, strip, stripLeft, stripRight, thousands },
  });
})((globalThis.metatrans ??= {}));
