// Rules as people write them: sentences with their translations, in lines of text, tables or JSON.
//
//     metatrans.readLines("# colours\n1. red = dax") → [{source: "red", target: "dax", where: "line 2"}]

((metatrans) => {
  "use strict";

  const { BLANKS, TranslationError, Tuple, casefold, isAlpha, quoted, readJson, shown, strip, stripLeft, stripRight } =
    metatrans;
  const { tableLine } = metatrans;

  const UNKNOWN_WORD = "?"; // in place of a translation: what is asked for

  /** A regular expression in which \s, \S, \d and . are what they are in Python. */
  function pattern(text) {
    const ours = text
      .replaceAll("\\s", `[${BLANKS}]`)
      .replaceAll("\\S", `[^${BLANKS}]`)
      .replaceAll("\\d", "\\p{Nd}")
      .replaceAll("<any>", "[^\\n]");
    return new RegExp(ours, "u");
  }

  // What may stand between a sentence and its translation, in the order in which they are tried; one for all lines.
  const SEPARATORS = new Map([
    ["a tab", pattern("\\t")],
    ["=", pattern("=>?|⇒")],
    ["→", pattern("→|↦|↔")],
    ["->", pattern("-{1,2}>")],
    ["a dash", pattern("\\s[–—\\-]\\s")],
    [":", pattern("\\s:\\s*|:\\s+")], // within a word it is a class: dog:noun
    ["a comma", pattern(",|，")],
  ]);

  const COMMENT = pattern("^(?:#|//)");
  // Opens a line with a sentence and the translation that is expected of it.
  const QUESTION = pattern("\\?\\s+(?![=→\\-])");
  const IS_QUESTION = pattern("^\\?\\s+(?![=→\\-])");
  const NUMBER = pattern("^(?:\\(?\\d{1,4}[.)]|\\(?[a-z]\\)|[•*\\-])\\s+(?=\\S)"); // begins a line of a list
  const REMARK = pattern("\\s+(?:#|//)\\s<any>*"); // a comment behind a rule
  // Ends a question as it does a line of a list of rules.
  const ASKED = pattern("\\s*(?:=>?|→|->|:|\\t)\\s*\\?(?=\\n?$)");
  const QUOTED = pattern("^(?:\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|'([^']+)'|‘([^’]+)’)$");
  const AROUND_EQUALS = pattern("\\s*=\\s*");

  const IN_OUT = pattern("^IN:\\s*(<any>*?)\\s*OUT:\\s*(<any>*)"); // a line of SCAN's files, and of MLC's
  const SECTION = pattern("^\\*(SUPPORT|QUERY|GRAMMAR)\\*$"); // of MLC's: the examples, what is asked, and the rules

  // Names of columns that hold sentences and their translations.
  const COLUMNS = [
    ["source", "target"],
    ["from", "to"],
    ["input", "output"],
    ["src", "tgt"],
    ["sentence", "translation"],
    ["original", "translation"],
    ["word", "translation"],
    ["text", "text_pair"],
  ];

  // By which a header's columns may be called.
  const LANGUAGES = new Set(
    (
      "arabic basque bengali bulgarian catalan chinese croatian czech danish dutch english esperanto estonian " +
      "finnish french georgian german greek hebrew hindi hungarian icelandic indonesian irish italian japanese " +
      "klingon korean latin latvian lithuanian malay maori norwegian persian polish portuguese quechua romanian " +
      "russian sanskrit serbian slovak slovene spanish swahili swedish tamil thai turkish ukrainian urdu " +
      "vietnamese welsh yoruba zulu ar bg bn ca cs cy da de el en eo es et eu fa fi fr ga he hi hr hu id is it " +
      "ja ka ko la lt lv ms nl no pl pt ro ru sk sl sr sv sw ta th tr uk ur vi zh"
    ).split(" "),
  );

  const MAX_ERRORS = 5; // that are told at once

  /**
   * The rules in a text: one a line, a table with or without a header, or JSON. Empty lines, comments and questions
   * are skipped. Lines `IN: … OUT: …` are read as SCAN and MLC publish them.
   *
   * @param {string} text The lines.
   * @param {?string[]} unread Takes what is wrong with lines that are no rules, in place of an error.
   * @param {{name?: string, questions?: boolean}} options What the text is called in errors; whether to give the
   *     questions in place of the rules, each with the translation that is expected of it: `? blue red = wif dax`.
   * @returns {{source: string, target: string, where: string}[]}
   * @throws {TranslationError} Lines that are no rules, each named with what was expected.
   */
  function readLines(text, unread = null, { name = "", questions = false } = {}) {
    const ofName = name ? ` of ${name}` : "";
    if (/^[[{]/.test(strip(text))) return readJsonRules(text, ofName);
    const numbered = text.split(/\r\n|\r|\n/).map((line, number) => [number + 1, uncovered(line)]);
    let lines = numbered.filter(([, line]) => line && !COMMENT.test(line));
    if (lines.some(([, line]) => IN_OUT.test(line))) {
      const [rules, errors] = readInOut(lines, ofName, questions);
      tell(errors, unread);
      return rules;
    }
    lines = lines.filter(([, line]) => IS_QUESTION.test(line) === questions);
    if (questions) lines = lines.map(([number, line]) => [number, line.replace(QUESTION, "")]);
    if (!lines.length) return [];
    const separator = chooseSeparator(lines.map(([, line]) => line));
    let rows = lines.map(([number, line]) => [number, splitLine(line, separator)]);
    const columns = separator === "a tab" || separator === "a comma" ? headerOf(rows[0][1]) : null;
    if (columns !== null) rows = rows.slice(1);
    const rules = [];
    const errors = [];
    for (const [number, row] of rows) {
      const where = `line ${number}${ofName}`;
      keepErrors(errors, where, () => rules.push(ruleOf(row, columns, where, separator)));
    }
    tell(errors, unread);
    return rules;
  }

  /** Does some work; what is wrong with the input joins the errors. */
  function keepErrors(errors, where, work) {
    try {
      work();
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error;
      errors.push(`${where}: ${error.message}`);
    }
  }

  function tell(errors, unread) {
    if (unread === null) throwAll(errors);
    else unread.push(...errors);
  }

  /** The rules, or the questions, in numbered lines `IN: … OUT: …`, and what is wrong with other lines. */
  function readInOut(lines, ofName, questions) {
    let section = "SUPPORT";
    const rules = [];
    const errors = [];
    for (const [number, line] of lines) {
      const where = `line ${number}${ofName}`;
      const heading = SECTION.exec(line);
      const pair = IN_OUT.exec(line);
      if (heading !== null) {
        section = heading[1];
      } else if (section === "GRAMMAR" || (section === "QUERY") !== questions) {
        continue;
      } else if (pair === null) {
        errors.push(
          `${where}: other lines are written IN: SENTENCE OUT: TRANSLATION, or begin a part, *SUPPORT*, *QUERY* or ` +
            `*GRAMMAR*, but this is ${shown(line)}`,
        );
      } else if (!pair[1] || !pair[2]) {
        errors.push(`${where}: there is no ${pair[1] ? "translation" : "sentence"} in ${shown(line)}`);
      } else {
        rules.push({ source: pair[1], target: pair[2], where });
      }
    }
    return [rules, errors];
  }

  /** The sentence of a question as people write it: "3. blue red = ?" → "blue red". */
  function readQuestion(text) {
    return strip(uncovered(text).replace(QUESTION, "").replace(ASKED, "")) || text;
  }

  /** A line without the white space, the number and the remark around what it says. */
  function uncovered(line) {
    let bare = stripRight(stripLeft(line, " \ufeff"), " \ufeff");
    bare = stripRight(stripLeft(bare, "\u200b"), "\u200b").replace(REMARK, "").replace(NUMBER, "");
    return strip(bare) ? bare : "";
  }

  /**
   * The separator of lines, a name of `SEPARATORS`: the first that stands in each of them once; else the first of
   * those that stand once in the most lines.
   */
  function chooseSeparator(lines) {
    const counts = new Map();
    for (const name of SEPARATORS.keys()) counts.set(name, lines.map((line) => countSeparators(line, name)));
    for (const [name, each] of counts) {
      if (each.every((count) => count === 1)) return name;
    }
    let best = "=";
    let [mostOnce, most] = [0, 0];
    for (const [name, each] of counts) {
      const once = each.filter((count) => count === 1).length;
      const some = each.filter((count) => count > 0).length;
      if (once > mostOnce || (once === mostOnce && some > most)) [best, mostOnce, most] = [name, once, some];
    }
    return best;
  }

  /** How often a separator stands in a line. */
  function countSeparators(line, name) {
    return splitLine(line, name).length - 1;
  }

  /** A line's parts between separators; what is in quotes isn't divided by commas. */
  function splitLine(line, name) {
    let parts;
    if (name === "a comma") {
      const plain = line.replaceAll("，", ",");
      parts = tableLine(plain) || plain.split(","); // a line may be too long for a table's
    } else if (name === "a tab") {
      // A tab beside an equals sign aligns it.
      parts = (line.includes("=") ? line.split(AROUND_EQUALS).join(" = ") : line).split("\t");
    } else {
      parts = line.split(SEPARATORS.get(name));
    }
    while (parts.length > 2 && !strip(parts[parts.length - 1])) parts.pop(); // empty columns, as a table may have
    return parts.map(unquote);
  }

  /** A text without the quotation marks around it. */
  function unquote(text) {
    const bare = strip(text);
    const match = QUOTED.exec(bare);
    return match === null ? bare : strip(match.slice(1).find((part) => part !== undefined));
  }

  /** The columns of source and target, if a row is a header; else null. */
  function headerOf(row) {
    const names = row.map((name) => casefold(strip(name)));
    for (const [source, target] of COLUMNS) {
      if (names.includes(source) && names.includes(target)) return [names.indexOf(source), names.indexOf(target)];
    }
    return areLanguages(names) ? [0, 1] : null;
  }

  /** Whether names are those of two columns, by their languages. */
  function areLanguages(names) {
    const plain = names.map((name) => casefold(strip(name)));
    return plain.length === 2 && plain.some((name) => LANGUAGES.has(name)) && plain.every(isAlpha);
  }

  /**
   * A line's rule.
   * @throws {TranslationError} It is none.
   */
  function ruleOf(row, columns, where, separator) {
    let sides;
    if (columns !== null && Math.max(...columns) < row.length) {
      sides = columns.map((column) => row[column]);
    } else if (row.length !== 2) {
      const asWritten =
        separator.length <= 2 ? `"SOURCE ${separator} TARGET"` : `a sentence, ${separator}, its translation`;
      const names = row.length === 1 ? [...SEPARATORS.keys()] : [];
      const other = names.find((name) => countSeparators(row[0], name) === 1);
      if (other !== undefined) {
        throw new TranslationError(`${shown(row[0])} has ${other} where other lines have ${separator}`);
      }
      const found = row.length === 1 ? "none" : String(row.length - 1);
      throw new TranslationError(
        `an example is written ${asWritten}, with one ${separator.replace(/^a /, "")}, but this has ${found}: ` +
          shown(row.join(" ")),
      );
    } else {
      sides = row;
    }
    const [source, target] = sides.map(strip);
    if (target === UNKNOWN_WORD) {
      throw new TranslationError(`${shown(source)} is a question; an example has its translation in place of the ?`);
    }
    if (!source || !target) {
      throw new TranslationError(
        `there is no ${source ? "translation" : "sentence"} beside ${quoted(source || target)}`,
      );
    }
    return { source, target, where };
  }

  /** The rules in JSON: a list of pairs or rows, an object of sentences and translations, or one of these a line. */
  function readJsonRules(text, ofName) {
    let value = readJson(text);
    if (value !== undefined) {
      if (value instanceof Map && !isRow(value) && !value.has("source") && !value.has("target")) {
        value = Array.from(value, ([source, target]) => Tuple.of(source, target));
      }
      if (value instanceof Map || isPair(value)) value = [value];
      return rulesOf(value.map((item, number) => [`rule ${number + 1}${ofName}`, item]));
    }
    const items = [];
    const errors = [];
    text.split("\n").forEach((line, number) => {
      if (!strip(line)) return;
      const where = `line ${number + 1}${ofName}`;
      const item = readJson(line);
      if (item === undefined) errors.push(`${where}: not JSON, though the text begins like it`);
      else items.push([where, item]);
    });
    throwAll(errors);
    return rulesOf(items);
  }

  function rulesOf(items) {
    const rules = [];
    const errors = [];
    for (const [where, item] of items) {
      keepErrors(errors, where, () => {
        const [source, target] = readPair(item);
        rules.push({ source, target, where });
      });
    }
    throwAll(errors);
    return rules;
  }

  /** Throws a TranslationError of all errors; of many, of the first, with their number. */
  function throwAll(errors) {
    if (!errors.length) return;
    const more = errors.length - MAX_ERRORS;
    const rest = more > 0 ? [`and ${more} more like these`] : [];
    throw new TranslationError([...errors.slice(0, MAX_ERRORS), ...rest].join("\n"));
  }

  /** Whether it is a sentence and its translation, in a list. */
  function isPair(value) {
    return Array.isArray(value) && value.length === 2 && value.every((side) => typeof side === "string");
  }

  /**
   * Whether it is a row of a table with a sentence and its translation in columns, or with both in a column
   * `translation`, by their languages, as translation data sets have them.
   */
  function isRow(value) {
    const both = value.get("translation");
    if (both instanceof Map && both.size === 2) return true;
    return COLUMNS.some(([source, target]) => value.has(source) && value.has(target));
  }

  /**
   * A sentence and its translation: of a pair, a row (`isRow`) or a text such as "red = dax".
   * @throws {TranslationError} It is nothing of these.
   */
  function readPair(value) {
    if (typeof value === "string") {
      const pair = IN_OUT.exec(strip(value));
      if (pair !== null && pair[1] && pair[2]) return [pair[1], pair[2]];
      const separator = chooseSeparator([value]);
      const rule = ruleOf(splitLine(value, separator), null, "", separator);
      return [rule.source, rule.target];
    }
    let sides = value;
    if (value instanceof Map && isRow(value)) {
      const both = value.get("translation");
      const columns = COLUMNS.find(([source, target]) => value.has(source) && value.has(target));
      sides = both instanceof Map ? [...both.values()] : columns.map((column) => value.get(column));
    } else if (value instanceof Map && areLanguages([...value.keys()])) {
      sides = [...value.values()]; // of a translation data set's column
    }
    if (!isPair(sides)) {
      throw new TranslationError(
        "an example is a pair of texts, such as ('red', 'dax'), a row with a source and a target, or a text such " +
          `as 'red = dax', not ${shown(value)}`,
      );
    }
    return [sides[0], sides[1]];
  }

  Object.assign(metatrans, { UNKNOWN_WORD, readLines, readQuestion });
})((globalThis.metatrans ??= {}));
