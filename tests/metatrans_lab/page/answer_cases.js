// Answers cases, JSON in and out. In node, by the scripts whose paths are the arguments, in their order, from stdin to
// stdout; in a page, which has run its scripts, by `answerCases`.

"use strict";

const isNode = typeof process !== "undefined";

if (isNode) for (const path of process.argv.slice(2)) require(path);

const { metatrans } = globalThis;

/** The result of some work; what is told to a person, if it can't be done. */
function orError(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof metatrans.TranslationError) return { error: error.message };
    throw error;
  }
}

function answer(translation, understanding) {
  return {
    ...translation,
    isSettled: translation.isSettled,
    sure: metatrans.sureOf(translation, understanding),
    odds: [translation.probability, ...translation.others.map((pair) => pair[1])].map(metatrans.percent),
  };
}

const KINDS = {
  lines({ text, name, questions }) {
    const unread = [];
    return {
      strictly: orError(() => metatrans.readLines(text, null, { name, questions })),
      leniently: orError(() => metatrans.readLines(text, unread, { name, questions })),
      unread,
    };
  },

  questions({ texts }) {
    return texts.map((text) => metatrans.readQuestion(text));
  },

  spelling({ text, separator, exact }) {
    return orError(() => {
      const spelling = new metatrans.Spelling(separator, exact);
      const words = spelling.splitSentence(text);
      return { words, keys: words.map((word) => spelling.key(word)), visible: words.map(metatrans.visible) };
    });
  },

  words({ numbers, probabilities }) {
    return { inWords: metatrans.inWords(numbers), percent: probabilities.map(metatrans.percent) };
  },

  plans({ family, length }) {
    const components = new metatrans.ExactTranslator([["a", "b"]]).understanding.belief.posteriors[0].components;
    const one = components[family].family;
    return one.forms(length).map((form) => {
      const plans = metatrans.plansOf(one, form).list;
      const [fewest, most] = one.bounds(form);
      const areWithin = plans.every(({ items }) => fewest <= items.length && items.length <= most);
      return { form, areWithin, plans: plans.map(({ items, settings }) => [items, metatrans.numbersOf(settings)]) };
    });
  },

  predicted({ rules }) {
    const found = metatrans.predicted(new metatrans.ExactTranslator(rules));
    return found && [...found].map((one) => one && one.probabilities);
  },

  tokens({ rules, sentence, targets }) {
    const { belief } = new metatrans.ExactTranslator(rules).understanding;
    return targets.map((target) => metatrans.tokenProbabilities(belief, sentence, target));
  },

  language({ rules, separator, exact, sentences, texts }) {
    return orError(() => {
      const exactly = new metatrans.ExactTranslator(rules, { separator, exact });
      const { understanding } = exactly;
      const { belief } = understanding;
      const facts = exactly.facts();
      const names = exactly.sides.source.written;
      const numbers = understanding.leftOut.map((number) => number + 1);
      const by = metatrans.basis(numbers, understanding.changed ? understanding.changed + 1 : null, belief.isExact);
      return {
        readAs: exactly.readAs,
        isTurned: exactly.isTurned,
        isInPlace: exactly.isInPlace,
        changed: understanding.changed,
        evidence: belief.evidence,
        by,
        facts: facts.map((fact) => ({ ...fact, isLikely: fact.isLikely, told: metatrans.told(fact, names, !by) })),
        answers: sentences.map((sentence) => orError(() => answer(exactly.translate(sentence), understanding))),
        backs: texts.map((text) => orError(() => answer(exactly.back(text), understanding))),
      };
    });
  },
};

globalThis.answerCases = (cases) => JSON.stringify(JSON.parse(cases).map((one) => KINDS[one.kind](one)));

if (isNode) process.stdout.write(globalThis.answerCases(require("fs").readFileSync(0, "utf8")));
