// The tab that shows a translator reading: what can be known after each rule, and which rule changed what.

((metatrans) => {
  "use strict";

  const { ExactTranslator, LEAST, TranslationError, percent, told } = metatrans;
  const { at, bar, make, note } = metatrans.dom;

  /** A probability that moved by so much has changed. */
  const MOVED = 0.005;

  const TITLES = new Map([
    ["family", "The language"],
    ["word", "Words"],
    ["particle", "Particles"],
    ["class", "Classes"],
    ["switch", "Rules"],
  ]);

  let pairs = [];
  let options = {};
  let after = new Map(); // by the number of rules that were read, what can be known

  /** Shows the rules that stand in the other tab, all of them read. */
  function open() {
    const lesson = metatrans.translateView.read();
    pairs = lesson ? lesson.rules.map(({ source, target }) => [source, target]) : [];
    options = lesson ? { separator: lesson.exact.spelling.separator, exact: lesson.exact.spelling.exact } : {};
    after = new Map();
    at("lines").replaceChildren(...pairs.map(([source, target]) => make("li", `${source} = ${target}`)));
    at("read").max = pairs.length;
    at("read").value = pairs.length;
    show();
  }

  /** What can be known after so many rules; a text, if they can't be read. */
  function known(number) {
    if (number === 0) return { facts: [], names: new Map() };
    if (!after.has(number)) {
      try {
        const exact = new ExactTranslator(pairs.slice(0, number), options);
        const facts = exact.facts().filter((fact) => fact.isLikely || fact.kind !== "class");
        after.set(number, { facts, names: exact.sides.source.written, readAs: exact.readAs, leftOut: exact.leftOut });
      } catch (error) {
        if (!(error instanceof TranslationError)) throw error;
        after.set(number, { facts: [], names: new Map(), error: error.message });
      }
    }
    return after.get(number);
  }

  function show() {
    const number = Number(at("read").value);
    at("read").setAttribute("aria-valuetext", `${number} of ${pairs.length} rules`);
    [...at("lines").children].forEach((line, index) => {
      line.className = index === number - 1 ? "read now" : index < number ? "read" : "";
    });
    const now = known(number);
    const earlier = new Map(known(Math.max(0, number - 1)).facts.map((fact) => [`${fact.kind} ${fact.of}`, fact]));
    const parts = [];
    if (!number) parts.push(note("Nothing is known yet: each language is as probable as its prior has it."));
    if (now.error) parts.push(note(now.error, "error"));
    if (now.readAs) parts.push(note(`Read so that ${now.readAs}.`));
    if (now.leftOut?.length) parts.push(note(`Left out: ${now.leftOut.map((one) => `rule ${one + 1}`).join(", ")}.`));
    for (const [kind, title] of TITLES) {
      const facts = now.facts.filter((fact) => fact.kind === kind && fact.values[0][1] >= LEAST);
      if (!facts.length) continue;
      const table = make("table.odds");
      for (const fact of facts) table.append(rowOf(fact, earlier.get(`${kind} ${fact.of}`), now.names));
      parts.push(make("h3", title), table);
    }
    at("beliefs").replaceChildren(...parts);
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
    return row;
  }

  function start() {
    at("read").addEventListener("input", show);
  }

  metatrans.watchView = { open, start };
})((globalThis.metatrans ??= {}));
