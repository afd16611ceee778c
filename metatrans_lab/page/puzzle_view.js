// The tab of puzzles: examples that settle each question, an answer for each, hints, and the key with its reasons.

((metatrans) => {
  "use strict";

  const { wordsOf } = metatrans;
  const { at, make } = metatrans.dom;
  const { store, stored } = metatrans.kept;

  const KEY = "metatrans-puzzles";
  const LAST = "metatrans-puzzle";

  /**
   * What was done on a puzzle.
   * @typedef {{answers: string[], numHints: number, isSolved: boolean}} Done
   */

  let puzzle = null;
  let done = {}; // by the puzzles' names

  const of = (level) => metatrans.puzzles.filter((one) => one.level === level);
  const nameOf = ({ level, language }) => `${level} ${language}`;

  /** @returns {Done} */
  const doneOn = (one) => (done[nameOf(one)] ??= { answers: [], numHints: 0, isSolved: false });

  /** The list of the level’s puzzles, in which the solved ones are ticked. */
  function list() {
    const level = Number(at("level").value);
    const options = of(level).map((one, number) => {
      const solved = doneOn(one).isSolved ? " ✓" : "";
      return make("option", `${number + 1}. ${one.language}${solved}`, { value: one.language });
    });
    at("which").replaceChildren(...options);
    if (puzzle?.level === level) at("which").value = puzzle.language;
  }

  function choose(one) {
    puzzle = one;
    store(LAST, nameOf(one));
    list();
    show();
  }

  /** Gives the first puzzle of a level that isn't solved. */
  function begin() {
    const there = of(Number(at("level").value));
    choose(there.find((one) => !doneOn(one).isSolved) ?? there[0]);
  }

  /** Gives the next puzzle of the level. */
  function another() {
    const there = of(puzzle.level);
    choose(there[(there.indexOf(puzzle) + 1) % there.length]);
  }

  function show() {
    const examples = make("table.examples");
    examples.append(make("tr", make("th", ""), make("th", "English"), make("th", puzzle.language)));
    puzzle.examples.forEach(({ source, target }, number) => {
      examples.append(make("tr", make("td", `${number + 1}`), make("td", source), make("td", target)));
    });
    const hints = make("ul", { id: "hints" });
    hints.setAttribute("role", "status");
    const hint = make("button", { id: "hint", type: "button", onclick: moreHints });
    const form = make(
      "form",
      ...puzzle.questions.map(askOne),
      make("div.tools", make("button", "Check", { id: "check", type: "submit" })),
      make("p.score", { id: "score" }),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      check();
    };
    at("given").replaceChildren(
      make("h2", puzzle.language),
      make("p", puzzle.introduction),
      examples,
      hints,
      make("div.tools", hint),
      form,
    );
    at("score").setAttribute("role", "status");
    showHints();
  }

  function moreHints() {
    doneOn(puzzle).numHints += 1;
    store(KEY, done);
    showHints();
  }

  function showHints() {
    const { numHints } = doneOn(puzzle);
    at("hints").replaceChildren(...puzzle.hints.slice(0, numHints).map((text) => make("li", text)));
    const left = Math.max(puzzle.hints.length - numHints, 0);
    at("hint").textContent = left ? `A hint (${left} left)` : "No more hints";
    at("hint").disabled = !left;
  }

  function askOne({ question, direction }, number) {
    const into = direction === "into" ? puzzle.language : "English";
    const field = make("input", { type: "text", id: `answer-${number}`, autocomplete: "off", spellcheck: false });
    field.autocapitalize = "none";
    field.value = doneOn(puzzle).answers[number] ?? "";
    field.oninput = () => {
      doneOn(puzzle).answers[number] = field.value;
      store(KEY, done);
      at(`verdict-${number}`).replaceChildren();
    };
    const label = make("label", `${number + 1}. ${question} → ${into}`, { htmlFor: field.id });
    const verdict = make("div", { id: `verdict-${number}` });
    verdict.setAttribute("role", "status");
    return make("div", label, field, verdict);
  }

  /** Checks the answers that were given, and counts the right ones. */
  function check() {
    const { length } = puzzle.questions;
    const right = puzzle.questions.filter(checkOne).length;
    const isEmpty = puzzle.questions.every((_, number) => !at(`answer-${number}`).value.trim());
    const all = right === length;
    at("score").textContent = all
      ? `All ${length} are right: solved.`
      : isEmpty
        ? "Write an answer first, any of them."
        : `${right} of ${length} ${right === 1 ? "is" : "are"} right.`;
    at("score").className = all ? "score right" : "score";
    if (all) doneOn(puzzle).isSolved = true;
    store(KEY, done);
    list();
  }

  /** Says whether an answer is right, and if not, what is; the key stands behind a click. */
  function checkOne({ answer }, number) {
    const said = wordsThatCount(at(`answer-${number}`).value);
    const verdict = at(`verdict-${number}`);
    verdict.replaceChildren();
    if (!said.length) return false;
    const expected = wordsThatCount(answer);
    const isRight = said.join(" ") === expected.join(" ");
    const why = make("ul", ...puzzle.reasoning[number].map(({ text }) => make("li", text)));
    const key = make("details", make("summary", "The answer, and why"), make("p.answer", answer), why);
    const verdictText = isRight ? "Right." : `Not yet${whatIsRight(said, expected)}.`;
    verdict.append(make(isRight ? "span.right" : "span.not-right", verdictText), key);
    return isRight;
  }

  /** An answer's words: hyphens, punctuation and capitals don't count. */
  const wordsThatCount = (text) => wordsOf(text.replaceAll("-", "")).filter((word) => word);

  /** What is right about a wrong answer: ": all words are right, but not their order"; "" if nothing is. */
  function whatIsRight(said, expected) {
    const left = [...expected];
    const known = said.filter((word) => {
      const place = left.indexOf(word);
      if (place >= 0) left.splice(place, 1);
      return place >= 0;
    });
    if (known.length === expected.length && said.length === expected.length) {
      return ": all words are right, but not their order";
    }
    const near = said.length === expected.length ? said.findIndex((word, n) => isNear(word, expected[n])) : -1;
    if (near >= 0 && known.length === expected.length - 1) return `: “${said[near]}” is a letter off`;
    return known.length ? `: ${known.length} of its ${expected.length} words are right` : "";
  }

  /** Do two words differ by one letter: another one, one too many, or one too few? */
  function isNear(one, other) {
    const [short, long] = [[...one], [...other]].sort((a, b) => a.length - b.length);
    if (one === other || long.length - short.length > 1) return false;
    let first = 0;
    while (first < short.length && short[first] === long[first]) first += 1;
    let last = 0;
    while (last < short.length - first && short[short.length - 1 - last] === long[long.length - 1 - last]) last += 1;
    return first + last >= long.length - 1;
  }

  /** Takes the puzzle's examples to the other tab, where anything can be asked. */
  function take() {
    const lines = puzzle.examples.map(({ source, target }) => `${source} = ${target}`);
    metatrans.translateView.begin(lines.join("\n"));
    at("tab-translate").click();
  }

  function start() {
    done = stored(KEY) ?? {};
    const levels = Object.entries(metatrans.levels);
    at("level").replaceChildren(...levels.map(([level, says]) => make("option", `${level}, ${says}`, { value: level })));
    at("level").onchange = begin;
    at("which").onchange = () => choose(of(Number(at("level").value)).find(({ language }) => language === at("which").value));
    at("another").onclick = another;
    at("take").onclick = take;
    const last = metatrans.puzzles.find((one) => nameOf(one) === stored(LAST));
    if (last) at("level").value = last.level;
    if (last) choose(last);
    else begin();
  }

  metatrans.puzzleView = { start };
})((globalThis.metatrans ??= {}));
