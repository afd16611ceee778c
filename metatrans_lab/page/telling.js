// Which further example would tell most about the translation that a person asks for.

((metatrans) => {
  "use strict";

  const { asHeard, compareOdds, either, given, keyOf, translations } = metatrans;

  /** The most probable hypotheses, which are looked at. */
  const NUM_HYPOTHESES = 50;

  /** Under each of these, the most probable answers, which are told apart. */
  const NUM_ANSWERS = 20;

  /** The first sentences, which are compared. */
  const NUM_SENTENCES = 60;

  /** Under so many of the most probable hypotheses all are compared, and so many of them under all. */
  const [NUM_FIRST, NUM_LAST] = [10, 8];

  /** Words of the longest sentence that is proposed: it is to be quickly answered. */
  const LONGEST = 4;

  /** Of the most that any of them tells. */
  const ENOUGH = 0.9;

  /** Digits of what they tell that count: by more they would be in another order on each machine. */
  const ROUNDING = 9;

  /**
   * The sentence to ask for next; null if the question is settled, or nothing that is tried would help. Where a word
   * of the question has no translation yet, the sentence has that word.
   *
   * @param {Belief} belief
   * @param {string[]} question
   * @param {Answer[]} found The question's answers.
   * @returns {?{sentence: string[], nats: number}} Which, and how much it would tell of the answer, on average: their
   *     mutual information; infinite, where it would tell a word that has no translation yet.
   */
  function mostTelling(belief, question, found) {
    if (!found.length || (found.length === 1 && found[0].isComplete)) return null;
    const unknown = found[0].translation.find((said) => said.words === null && typeof said.unit === "string");
    const known = new Set(belief.examples.map((example) => keyOf(example.source)));
    const asked = keyOf(question);
    const sentences = sentencesFor(belief, question).filter((sentence) => !known.has(keyOf(sentence)));
    const isWorse = (one, other) => {
      const [isQuestion, isBest] = [keyOf(one) === asked, keyOf(other) === asked];
      return isQuestion === isBest ? one.length >= other.length : isQuestion;
    };
    // The shortest one, the first of these, rather than the question, which is what is asked for.
    const plainest = (some) => some.reduce((best, one) => (best !== null && isWorse(one, best) ? best : one), null);
    if (unknown !== undefined) {
      // Any sentence with the word tells what it is.
      const first = plainest(sentences.filter((sentence) => sentence.includes(unknown.unit)));
      return first === null ? null : { sentence: first, nats: Infinity };
    }
    const byAnswer = hypothesesByAnswer(belief, question).sort((one, other) => compareOdds(other.weight, one.weight));
    const likeliest = byAnswer.slice(0, NUM_FIRST);
    const told = sentences
      .slice(0, NUM_SENTENCES)
      .map((sentence) => ({ sentence, nats: Number(information(likeliest, sentence).toFixed(ROUNDING)) }))
      .sort((one, other) => other.nats - one.nats)
      .slice(0, NUM_LAST)
      .map(({ sentence }) => ({ sentence, nats: information(byAnswer, sentence) }));
    const most = told.reduce((nats, telling) => Math.max(nats, telling.nats), 0);
    const best = plainest(told.filter(({ nats }) => nats >= ENOUGH * most).map(({ sentence }) => sentence));
    const telling = told.find(({ sentence }) => sentence === best);
    return telling !== undefined && telling.nats > 1e-6 ? telling : null;
  }

  /**
   * What could be asked for, without repetitions: words and parts of the question, and of examples with a word of the
   * question in place of another.
   */
  function sentencesFor(belief, question) {
    const found = new Map();
    const add = (sentence) => {
      const key = keyOf(sentence);
      if (!found.has(key)) found.set(key, sentence);
    };
    const asked = [...new Set(question)];
    for (const word of asked) add([word]);
    for (let length = 2; length <= LONGEST; length++) {
      for (let first = 0; first + length <= question.length; first++) add(question.slice(first, first + length));
    }
    const sources = new Map(belief.examples.map((example) => [keyOf(example.source), example.source]));
    for (const source of [...sources.values()].sort((one, other) => one.length - other.length)) {
      for (const word of asked) {
        for (let place = 0; place < (source.length <= LONGEST ? source.length : 0); place++) {
          add([...source.slice(0, place), word, ...source.slice(place + 1)]);
        }
      }
    }
    return [...found.values()];
  }

  /** Hypotheses under each of which the question has one answer: each with its weight, and the answer. */
  function hypothesesByAnswer(belief, question) {
    const weighted = [...belief.weighted()].sort((one, other) => compareOdds(other[0], one[0]));
    const found = [];
    for (const [weight, posterior, h] of weighted.slice(0, NUM_HYPOTHESES)) {
      const same = new Map();
      for (const { probability, translation, form, settings } of translations(posterior, h, question)) {
        const answer = asHeard(translation);
        if (!same.has(answer)) same.set(answer, { answer, share: 0, settings: new Map() });
        const one = same.get(answer);
        const known = one.settings.get(form.join());
        one.settings.set(form.join(), known === undefined ? settings : either(known, settings));
        one.share += weight * probability;
      }
      const likeliest = [...same.values()].sort((one, other) => compareOdds(other.share, one.share));
      for (const { answer, share, settings } of likeliest.slice(0, NUM_ANSWERS)) {
        found.push({ weight: share, answer, posterior, h: given(posterior, h, question, settings) });
      }
    }
    return found;
  }

  /**
   * The mutual information of the answer and of a sentence's translation, in nats, where the sentence is possible,
   * times the probability that it is.
   */
  function information(byAnswer, sentence) {
    const joint = new Map();
    const ofAnswer = new Map();
    const ofTranslation = new Map();
    const add = (weights, key, weight) => weights.set(key, (weights.get(key) || 0) + weight);
    for (const { weight, answer, posterior, h } of byAnswer) {
      const said = translations(posterior, h, sentence);
      const total = said.reduce((sum, { probability }) => sum + probability, 0);
      for (const { probability, translation } of said) {
        const heard = asHeard(translation);
        const key = `${answer}\r${heard}`;
        if (!joint.has(key)) joint.set(key, { answer, heard, weight: 0 });
        joint.get(key).weight += (weight * probability) / total;
      }
    }
    if (!joint.size) return 0;
    for (const { answer, heard, weight } of joint.values()) {
      add(ofAnswer, answer, weight);
      add(ofTranslation, heard, weight);
    }
    const possible = [...joint.values()].map(({ weight }) => weight);
    const share =
      possible.reduce((sum, weight) => sum + weight, 0) / byAnswer.reduce((sum, { weight }) => sum + weight, 0);
    return share * (entropy([...ofAnswer.values()]) + entropy([...ofTranslation.values()]) - entropy(possible));
  }

  function entropy(weights) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return -weights.reduce((sum, weight) => (weight > 0 ? sum + (weight / total) * Math.log(weight / total) : sum), 0);
  }

  Object.assign(metatrans, { mostTelling });
})((globalThis.metatrans ??= {}));
