// The tab that shows a translator reading: what can be known after each rule, which rule changed what, and beside it how
// well the model foresees each rule, and what it knows of each word.

((metatrans) => {
  "use strict";

  const { ExactTranslator, LEAST, TranslationError, percent, predicted, told } = metatrans;
  const { at, bar, make, note } = metatrans.dom;
  const { cells, legend, table } = metatrans.foreseenView;

  /** A probability that moved by so much has changed. */
  const MOVED = 0.005;

  const TITLES = new Map([
    ["family", "The language"],
    ["word", "Words"],
    ["particle", "Particles"],
    ["class", "Classes"],
    ["switch", "Rules"],
  ]);

  const NEW_WORDS =
    "A word that no rule had before counts as any new word. What was sure to come surprises by 0 nats, what had a " +
    "chance of a half by 0.69.";
  const ABOUT = new Map([
    [
      "model",
      "The model takes every language for a word for a word, in place: all are that it was trained on. The best such " +
        "reader would be surprised by 0 nats here. The exact predictor weighs other orders, grammars and repetitions " +
        "too, until the rules tell.",
    ],
    [
      "grammarian",
      "The model is the one for languages whose words change places; it weighs orders, grammars and repetitions, as the " +
        "exact predictor does.",
    ],
  ]);
  const NO_MODEL = "The page has no model that reads such rules; what can be known exactly stands alone.";
  const NOT_BY_WORD = "Only where each word is one of the translation can it be told how well each was foreseen.";
  const TOO_MUCH = "Too much is possible to weigh it all: the exact odds are those among what is most probable.";

  let pairs = [];
  let options = {};
  let after = new Map(); // by the number of rules that were read, what can be known
  let foreseen = []; // of each rule, how well it was foreseen, as soon as that is known; null of one that was left out
  let isExact = true;
  let steps = []; // of each rule, by which belief, and after which examples, it was foreseen
  let model = null; // that can tell of each word alone
  let opened = 0;

  /** Shows the rules that stand in the other tab, all of them read. */
  function open() {
    const lesson = metatrans.translateView.read();
    pairs = lesson ? lesson.rules.map(({ source, target }) => [source, target]) : [];
    options = lesson ? { separator: lesson.exact.spelling.separator, exact: lesson.exact.spelling.exact } : {};
    after = new Map();
    [foreseen, steps] = [[], []];
    [model, isExact] = [null, true];
    at("read").max = pairs.length;
    at("read").value = pairs.length;
    at("reader").textContent = "";
    show();
    opened += 1;
    if (pairs.length && !known(pairs.length).error) foresee(opened, known(pairs.length).exact);
  }

  /** What can be known after so many rules; a text, if they can't be read. */
  function known(number) {
    if (number === 0) return { facts: [] };
    if (!after.has(number)) {
      try {
        const exact = new ExactTranslator(pairs.slice(0, number), options);
        const facts = exact.facts().filter((fact) => fact.isLikely || fact.kind !== "class");
        after.set(number, { exact, facts });
      } catch (error) {
        if (!(error instanceof TranslationError)) throw error;
        after.set(number, { facts: [], error: error.message });
      }
    }
    return after.get(number);
  }

  /** How well each rule was foreseen: first exactly, then by the model. */
  async function foresee(number, exact) {
    const isLate = () => number !== opened; // other rules are shown by now
    const { written } = exact.sides.target;
    foreseen = exact.sides.examples.map((example, place) =>
      exact.leftOut.includes(place) ? null : { words: example.target.map((word) => written.get(word)) },
    );
    const odds = predicted(exact);
    for (const rule of odds ? foreseen : []) {
      const { value } = odds.next();
      steps.push(value);
      if (rule === null) continue;
      rule.exact = value.probabilities;
      isExact &&= value.belief.isExact;
      await new Promise((resolve) => setTimeout(resolve)); // the page answers clicks in between
      if (isLate()) return;
    }
    showForeseen();
    const reader = metatrans.model.whoReads(exact);
    if (!odds) return;
    if (!reader) {
      at("reader").textContent = NO_MODEL;
      return;
    }
    try {
      at("reader").textContent = "The model is reading …";
      const said = await metatrans.model.foresee(exact, steps);
      if (isLate()) return;
      model = reader === "model" ? await metatrans.model.loadModel(reader) : null;
      foreseen.forEach((rule, place) => rule && (rule.model = said[place].odds));
      const refused = said.findIndex(({ error }) => error);
      at("reader").textContent =
        ABOUT.get(reader) +
        (refused < 0 ? "" : ` It can’t read rule ${refused + 1}, which doesn’t count: ${begun(said[refused].error)}`);
      showForeseen();
      showModelWords();
    } catch (error) {
      if (isLate()) return;
      at("reader").textContent = `The model can’t read these rules: ${begun(error.message)}`;
    }
  }

  /** A sentence as it stands within another. */
  const begun = (sentence) => `${sentence[0].toLowerCase()}${sentence.slice(1)}`;

  const numberRead = () => Number(at("read").value);

  function show() {
    const number = numberRead();
    at("read").setAttribute("aria-valuetext", `${number} of ${pairs.length} rules`);
    const now = known(number);
    const earlier = new Map(known(Math.max(0, number - 1)).facts.map((fact) => [`${fact.kind} ${fact.of}`, fact]));
    const parts = [];
    if (!number) parts.push(note("Nothing is known yet: each language is as probable as its prior has it."));
    if (now.error) parts.push(note(now.error, "error"));
    if (now.exact?.readAs) parts.push(note(`Read so that ${now.exact.readAs}.`));
    if (now.exact?.leftOut.length) {
      parts.push(note(`Left out: ${now.exact.leftOut.map((one) => `rule ${one + 1}`).join(", ")}.`));
    }
    for (const [kind, title] of TITLES) {
      const facts = now.facts.filter((fact) => fact.kind === kind && fact.values[0][1] >= LEAST);
      if (!facts.length) continue;
      const odds = make("table.odds");
      for (const fact of facts) {
        odds.append(rowOf(fact, earlier.get(`${kind} ${fact.of}`), now.exact.sides.source.written));
      }
      parts.push(make("h3", title), odds);
    }
    at("beliefs").replaceChildren(...parts);
    showForeseen();
    showModelWords();
  }

  /** The rules, those that were read with how well each of their words was foreseen; and how well all were. */
  function showForeseen() {
    const number = numberRead();
    at("lines").replaceChildren(
      ...pairs.map(([source, target], place) => {
        const isRead = place < number;
        const rule = foreseen[place];
        const isSeen = isRead && rule && (rule.exact || rule.model);
        const line = make("li", `${source} = `, isSeen ? cells(rule) : target);
        if (isRead) line.classList.add("read");
        if (place === number - 1) line.classList.add("now");
        return line;
      }),
    );
    const read = foreseen.slice(0, number).map((rule) => rule ?? { words: [] });
    const isSeen = read.some((rule) => rule.exact || rule.model);
    const isOpen = at("foreseen").querySelector("details")?.open;
    const parts = [];
    if (isSeen) {
      const all = make("details", make("summary", "The same as a table"), table(read), { open: Boolean(isOpen) });
      parts.push(legend(read), make("p.soft", NEW_WORDS));
      if (!isExact) parts.push(note(TOO_MUCH));
      parts.push(all);
    }
    if (foreseen.length && !foreseen.some((rule) => rule?.exact)) parts.push(make("p.soft", NOT_BY_WORD));
    at("foreseen").replaceChildren(...parts);
  }

  /** A fact: what it is of, a bar of its most probable value, and the odds of the values. */
  function rowOf(fact, earlier, names) {
    const [value, probability] = fact.values[0];
    const [head, values] = told(fact, names);
    const isSame = earlier && earlier.values[0][0] === value && Math.abs(earlier.values[0][1] - probability) < MOVED;
    const row = make(isSame ? "tr" : "tr.changed");
    const bars = bar(probability);
    bars.title = percent(probability);
    row.append(make("td", head.replace(/^(word|particle|class) /, "")), make("td", values.join(", ")), make("td", bars));
    if (fact.kind === "word") Object.assign(row.dataset, { source: fact.of, target: value });
    return row;
  }

  /** Writes beside each known word how probable the model holds that it is translated so. */
  async function showModelWords() {
    const now = known(numberRead());
    if (model === null || !now.exact) return;
    try {
      now.words ??= metatrans.model.TranslatorSession.ofUnits(model, now.exact.sides.examples).wordProbabilities();
      const words = await now.words;
      if (known(numberRead()) !== now) return; // the slider has gone on
      for (const row of at("beliefs").querySelectorAll("tr[data-source]")) {
        const probability = words.get(row.dataset.source)?.get(row.dataset.target);
        if (probability === undefined || row.querySelector(".model")) continue;
        const [, values, bars] = row.children;
        values.append(make("span.model", `model: ${percent(probability)}`));
        bars.append(make("span.model", bar(probability)));
      }
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error; // so many rules are read otherwise than all of them
    }
  }

  function start() {
    at("read").addEventListener("input", show);
  }

  metatrans.watchView = { open, start };
})((globalThis.metatrans ??= {}));
