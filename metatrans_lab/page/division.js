// Words that are read as a stem and affixes though nothing divides them: cats, nekora.
//
// An affix is thought of where a word and the same word with it both occur, or where several stems have it and another
// by turns, as in belos, belem, tumos and tumem. Which affixes there are is decided by how probable the translations
// then are.

((metatrans) => {
  "use strict";

  const { Affix, compareTexts, isAlpha, lengthOf } = metatrans;

  /** In letters. */
  const [SHORTEST_STEM, LONGEST_AFFIX] = [2, 4];

  /** Of each side: affixes that most words have, which are tried; and how many there may be. */
  const [MAX_TRIED, MAX_AFFIXES] = [4, 3];

  /** Affixes of both sides that are added in one step: a plural on both, and a case beside it, say nothing alone. */
  const MAX_ADDED = 3;

  /** Of the logarithm of a probability. */
  const ROUNDING = 1e-9;

  const nameOf = (affix) => String(affix); // a word has no hyphen at an end
  const keyOfDivisions = (divisions) =>
    divisions.map((division) => division.map((affix) => `${affix} ${affix.ofAll}`).join("\n")).join("\f");
  const compareAffixes = (one, other) =>
    compareTexts(one.letters, other.letters) || Number(one.isPrefix) - Number(other.isPrefix);

  const add = (counts, key, number = 1) => counts.set(key, (counts.get(key) || 0) + number);

  /** All ways to take two of a list. */
  function pairsOf(list) {
    return list.flatMap((one, number) => list.slice(number + 1).map((other) => [one, other]));
  }

  /**
   * The affixes of one side that are worth trying.
   *
   * @param {Iterable<string>} words Of the side, as keys.
   * @returns {Affix[]}
   */
  function affixesOf(words) {
    const known = new Set(words);
    const ofStem = new Map();
    for (const word of known) {
      const letters = Array.from(word);
      for (let size = 1; size <= Math.min(LONGEST_AFFIX, letters.length - SHORTEST_STEM); size++) {
        for (const affix of [
          new Affix(letters.slice(0, size).join(""), true),
          new Affix(letters.slice(-size).join(""), false),
        ]) {
          if (!isAlpha(affix.letters)) continue;
          const stem = affix.stem(word);
          const key = `${affix.isPrefix ? "-" : ""}${stem}`;
          if (!ofStem.has(key)) ofStem.set(key, { stem, affixes: [] });
          ofStem.get(key).affixes.push(affix);
        }
      }
    }
    const stemsOfPair = new Map();
    for (const one of ofStem.values()) {
      one.pairs = pairsOf([...one.affixes].sort(compareAffixes));
      for (const pair of one.pairs) add(stemsOfPair, pair.map(nameOf).join("\n"));
    }
    const affixes = new Map();
    const count = new Map();
    const inAll = new Map();
    for (const one of ofStem.values()) {
      const byTurns = new Map();
      for (const pair of one.pairs) {
        if (stemsOfPair.get(pair.map(nameOf).join("\n")) < 2) continue;
        for (const affix of pair) byTurns.set(nameOf(affix), affix);
      }
      // A stem that is a word itself tells more.
      const [found, number] = known.has(one.stem) ? [one.affixes, 2] : [byTurns.values(), 1];
      for (const affix of found) {
        affixes.set(nameOf(affix), affix);
        add(count, nameOf(affix), number);
      }
      for (const affix of one.affixes) add(inAll, nameOf(affix));
    }
    const worth = (affix) => [count.get(nameOf(affix)), inAll.get(nameOf(affix)), lengthOf(affix.letters)];
    return [...affixes.values()]
      .sort((one, other) => {
        const [ofOne, ofOther] = [worth(one), worth(other)];
        const place = ofOne.findIndex((number, i) => number !== ofOther[i]);
        return place < 0 ? compareAffixes(one, other) : ofOther[place] - ofOne[place];
      })
      .slice(0, MAX_TRIED);
  }

  /**
   * The divisions of both sides that are worth most, found by one better step after another; and their worth.
   *
   * @param {[Affix[], Affix[]]} tried Affixes of both sides.
   * @param {function([Affix[], Affix[]]): number} worth Of divisions: the logarithm of the examples' probability.
   * @returns {[[Affix[], Affix[]], number]}
   */
  function bestDivision(tried, worth) {
    let best = [[], []];
    let most = worth(best);
    const seen = new Set([keyOfDivisions(best)]);
    for (;;) {
      let found = null;
      for (const divisions of stepsFrom(best, tried)) {
        const key = keyOfDivisions(divisions);
        if (seen.has(key)) continue;
        seen.add(key);
        const step = { divisions, worth: worth(divisions) };
        step.rank = [Number(step.worth.toFixed(9)), ...plainness(divisions)];
        if (found === null || isMore(step.rank, found.rank)) found = step;
      }
      if (found === null || found.worth < most - ROUNDING) return [best, most];
      // What is worth as much is better if it says more of words that may come.
      const isAsGood = found.worth <= most + ROUNDING;
      if (isAsGood && numberOfAffixes(found.divisions) > numberOfAffixes(best)) return [best, most];
      [most, best] = [found.worth, found.divisions];
    }
  }

  function isMore(one, other) {
    const place = one.findIndex((number, i) => number !== other[i]);
    return place >= 0 && one[place] > other[place];
  }

  function numberOfAffixes(divisions) {
    return divisions[0].length + divisions[1].length;
  }

  /** Of divisions that are worth as much, those of few affixes, and of short ones, as stems are longer. */
  function plainness(divisions) {
    const letters = divisions.flat().reduce((sum, affix) => sum + lengthOf(affix.letters), 0);
    return [-numberOfAffixes(divisions), -letters];
  }

  /**
   * With other affixes, without one, or with one that is taken off all words rather than off those alone whose stem is
   * a word.
   */
  function stepsFrom(divisions, tried) {
    const [first, second] = divisions.map((division, side) => {
      const there = new Set(division.map(nameOf));
      const fresh = tried[side].filter((affix) => !there.has(nameOf(affix)));
      const added = [[], ...fresh.map((affix) => [affix]), ...pairsOf(fresh)];
      const few = added.filter((some) => division.length + some.length <= MAX_AFFIXES);
      return few.map((some) => [...division, ...some]);
    });
    const fewest = numberOfAffixes(divisions);
    const steps = first
      .flatMap((one) => second.map((other) => [one, other]))
      .filter((one) => fewest < numberOfAffixes(one) && numberOfAffixes(one) <= fewest + MAX_ADDED);
    divisions.forEach((division, side) => {
      division.forEach((affix, number) => {
        const [before, behind] = [division.slice(0, number), division.slice(number + 1)];
        const changed = [[...before, ...behind]];
        if (!affix.ofAll) changed.push([...before, new Affix(affix.letters, affix.isPrefix, true), ...behind]);
        steps.push(...changed.map((one) => (side === 0 ? [one, divisions[1]] : [divisions[0], one])));
      });
    });
    return steps;
  }

  Object.assign(metatrans, { affixesOf, bestDivision });
})((globalThis.metatrans ??= {}));
