// The words in which answers, and what was learned, are told: the page and the shell speak alike.

((metatrans) => {
  "use strict";

  const { CERTAIN, Spelling, escaped, isPrintable } = metatrans;

  /** Other translations that are told; the rest is counted. */
  const MAX_OTHERS = 5;

  /** Translations less probable than this aren't told one by one. */
  const LEAST = 0.01;

  /** At this probability it isn't worth a line what else could be asked. */
  const NEARLY = 0.95;

  /** The text with its control characters escaped. */
  function visible(text) {
    return Array.from(text, (letter) => (isPrintable(letter) ? letter : escaped(letter))).join("");
  }

  /** A number with so many decimals; a half is rounded to the even one, as Python does. */
  function rounded(number, decimals) {
    const exact = number.toFixed(60);
    const point = exact.indexOf(".") + (decimals ? decimals + 1 : 0);
    const isHalf = /^\.?50*$/.test(exact.slice(point));
    const down = exact.slice(0, point);
    return isHalf && "02468".includes(down[down.length - 1]) ? down : number.toFixed(decimals);
  }

  /** A probability as text: "certain" for 1, and never "100%" for less. */
  function percent(probability) {
    if (probability >= CERTAIN) return "certain";
    const digits = Number(probability.toFixed(9)); // a half, to rounding, is one
    return digits > 0.99 ? `${rounded(Math.min(digits, 0.9999) * 100, 2)}%` : `${rounded(digits * 100, 0)}%`;
  }

  /** "1", "1 and 2", "1, 2 and 5 to 9". */
  function inWords(numbers) {
    const runs = [];
    for (const number of [...numbers].sort((one, other) => one - other)) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[last.length - 1] === number - 1) last.push(number);
      else runs.push([number]);
    }
    const parts = runs.flatMap((run) => (run.length > 2 ? [`${run[0]} to ${run[run.length - 1]}`] : run.map(String)));
    const last = parts.pop();
    return parts.length ? `${parts.join(", ")} and ${last}` : last;
  }

  /** A text's words, without capitals and the marks around them: texts that differ in these alone say the same. */
  function wordsOf(text) {
    const spelling = new Spelling();
    return spelling.split(text).map((word) => spelling.key(word));
  }

  const OTHER_WAY = "its words stand on the other side: ask the other way";

  /**
   * How sure an answer is, in words: certain if nothing else is possible by all examples.
   *
   * @param {Translation} answer
   * @param {string} byOthers What to say of an answer that is certain but for examples that were left out; "" if none
   *     were.
   */
  function howSure({ probability, isSettled, isComplete, isExact, isOtherWay = false }, byOthers = "") {
    if (isOtherWay) return OTHER_WAY;
    if (!probability) return "no sentence of these rules";
    if (probability < CERTAIN || isSettled) return percent(probability);
    if (!isComplete) return "not all of it is known";
    return isExact && byOthers ? byOthers : "nearly certain";
  }

  /**
   * What is said of an answer that is certain but for examples that were left out; "" if none were.
   *
   * @param {string[]} leftOut Each of them, such as "example 3".
   * @param {?string} changedAt The first since a change of rules, or null.
   * @param {string} examples What they are called.
   */
  function byOthers(leftOut, changedAt, examples = "examples") {
    if (changedAt !== null) return `certain, if the rules changed at ${changedAt}`;
    if (leftOut.length === 1) return `certain, if ${leftOut[0]} is wrong`;
    return leftOut.length ? `as the other ${examples} have it, without ${leftOut.length} of yours` : "";
  }

  /**
   * How sure an answer is, by examples some of which may have been left out.
   *
   * @param {Translation} answer
   * @param {Understanding} understanding
   */
  function sureOf(answer, { leftOut, changed }) {
    const changedAt = changed ? `example ${changed + 1}` : null;
    return howSure(answer, byOthers(leftOut.map((number) => `example ${number + 1}`), changedAt));
  }

  /** What languages of a family are. */
  const FAMILIES = new Map([
    ["lexicon", "a word for a word, in place"],
    ["order", "a word for a word, in another order"],
    ["grammar", "a grammar"],
    ["repetition", "words that repeat others"],
  ]);

  /** What switches say. */
  const SWITCHES = new Map([
    ["order: order", "order of the words"],
    ["grammar: order", "order of subject, verb and object"],
    ["grammar: adjective", "adjectives, of their nouns"],
    ["grammar: article", "the article"],
    ["grammar: plural", "the plural"],
    ["grammar: subject_particle", "a particle of the subject"],
    ["grammar: object_particle", "a particle of the object"],
    ["grammar: particle_of", "particles stand beside a"],
  ]);

  /**
   * What it is that facts hold by, in words; "" if that is all that is possible by all examples.
   *
   * @param {number[]} leftOut Numbers of examples, from 1.
   * @param {?number} changedAt The number, from 1, of the first example after a change of rules; null: there was none.
   * @param {boolean} isExact Was all that is possible weighed?
   * @param {string} name Of an example.
   */
  function basis(leftOut, changedAt, isExact, name = "example") {
    if (changedAt !== null) return `since the rules changed at ${name} ${changedAt}`;
    if (leftOut.length) {
      const [names, fit] = leftOut.length > 1 ? [`${name}s`, "fit"] : [name, "fits"];
      return `without ${names} ${inWords(leftOut)}, which ${fit} no language known here`;
    }
    return isExact ? "" : "of what is most probable, as too much is possible to weigh it all";
  }

  /**
   * A fact in words: what it is of, and its most probable values.
   *
   * @param {Fact} fact
   * @param {Map<string, string>} names Of words, by their keys, how they are written.
   * @param {boolean} byAll Does it hold by all examples? If not, nothing is called certain.
   * @returns {[string, string[]]}
   */
  function told(fact, names, byAll = true) {
    let head = `${fact.kind} ${names.get(fact.of) ?? fact.of}`;
    let values = new Map([["", "not said"]]);
    if (fact.kind === "family") {
      [head, values] = ["the language", FAMILIES];
    } else if (fact.kind === "switch") {
      head = SWITCHES.get(fact.of) ?? fact.of.replace(/^.*?: /, "").replaceAll("_", " ");
      values = new Map([["dropped", "not said"]]);
    }
    const likely = fact.values.slice(0, 3).filter(([, probability]) => probability >= LEAST);
    const said = likely.map(([value, probability]) => {
      const odds = byAll || probability < CERTAIN ? percent(probability) : "";
      return `${values.get(value) ?? value} ${odds}`.trimEnd();
    });
    return [head, said];
  }

  Object.assign(metatrans, {
    ...{ FAMILIES, LEAST, MAX_OTHERS, NEARLY, OTHER_WAY, SWITCHES, basis, byOthers, howSure, inWords, percent, sureOf, told },
    ...{ visible, wordsOf },
  });
})((globalThis.metatrans ??= {}));
