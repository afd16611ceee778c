// The tab of puzzles: examples that settle each question, an answer for each, hints, and the key with its reasons.

((metatrans) => {
  "use strict";

  const { wordsOf } = metatrans;
  const { at, make } = metatrans.dom;

  let puzzle = null;
  let numHints = 0;

  const of = (level) => metatrans.puzzles.filter((one) => one.level === level);

  /** Gives another puzzle of the level, the first ones first. */
  function another() {
    const there = of(Number(at("level").value));
    puzzle = there[(there.indexOf(puzzle) + 1) % there.length];
    numHints = 0;
    show();
  }

  function show() {
    const examples = make("table");
    examples.append(make("tr", make("th", ""), make("th", "English"), make("th", puzzle.language)));
    puzzle.examples.forEach(({ source, target }, number) => {
      examples.append(make("tr", make("td", `${number + 1}`), make("td", source), make("td", target)));
    });
    const questions = puzzle.questions.map((question, number) => askOne(question, number));
    const hints = make("ul", { id: "hints" });
    const hint = make("button", "A hint", { id: "hint" });
    hint.onclick = () => {
      hints.append(make("li", puzzle.hints[numHints]));
      numHints += 1;
      hint.disabled = numHints >= puzzle.hints.length;
    };
    hint.disabled = !puzzle.hints.length;
    const says = "Its examples settle every question, and none of them is superfluous.";
    const tools = make("div.tools", make("button", "Check", { id: "check", type: "submit" }), hint);
    const form = make("form", ...questions, tools, hints);
    form.onsubmit = (event) => {
      event.preventDefault();
      puzzle.questions.forEach(checkOne);
    };
    at("given").replaceChildren(make("h2", puzzle.language), make("p", says), examples, form);
  }

  function askOne({ question, direction }, number) {
    const into = direction === "into" ? puzzle.language : "English";
    const field = make("input", { type: "text", id: `answer-${number}`, autocomplete: "off", spellcheck: false });
    field.autocapitalize = "none";
    const label = make("label", `${number + 1}. ${question} → ${into}`, { htmlFor: field.id });
    const verdict = make("div", { id: `verdict-${number}` });
    verdict.setAttribute("role", "status");
    return make("div", label, field, verdict);
  }

  /** Says whether an answer is right; the key stands behind a click. */
  function checkOne({ answer }, number) {
    const said = at(`answer-${number}`).value;
    const verdict = at(`verdict-${number}`);
    if (!said.trim()) {
      verdict.replaceChildren();
      return;
    }
    const isRight = wordsOf(said).join(" ") === wordsOf(answer).join(" ");
    const why = make("ul", ...puzzle.reasoning[number].map((step) => make("li", reason(step))));
    const key = make("details", make("summary", "The answer, and why"), make("p.text", answer), why);
    verdict.replaceChildren(make(isRight ? "span.right" : "span.not-right", isRight ? "Right." : "Not yet."), key);
  }

  const reason = ({ says, settled_by: by }) => `${says[0].toUpperCase()}${says.slice(1)}${by ? ` (example ${by})` : ""}.`;

  /** Takes the puzzle's examples to the other tab, where anything can be asked. */
  function take() {
    const lines = puzzle.examples.map(({ source, target }) => `${source} = ${target}`);
    metatrans.translateView.begin(lines.join("\n"), puzzle.questions[0].question);
    at("tab-translate").click();
  }

  function start() {
    const levels = [...new Set(metatrans.puzzles.map(({ level }) => level))].sort();
    at("level").replaceChildren(...levels.map((level) => make("option", `${level}`, { value: `${level}` })));
    at("level").onchange = another;
    at("another").onclick = another;
    at("take").onclick = take;
    another();
  }

  metatrans.puzzleView = { start };
})((globalThis.metatrans ??= {}));
