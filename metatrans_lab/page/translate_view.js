// The tab that translates: rules on the left, the answer on the right, at each key.

((metatrans) => {
  "use strict";

  const { ExactTranslator, LEAST, MAX_OTHERS, NEARLY, TranslationError, UNKNOWN_WORD } = metatrans;
  const { basis, byOthers, howSure, inWords, percent, readLines, readQuestion, told, wordsOf } = metatrans;
  const { at, make, note, rows } = metatrans.dom;
  const { NOTHING, fragmentOf, keep, kept, readFile, readFragment, saveFile } = metatrans.kept;

  /** Milliseconds without a key, after which the model is asked. */
  const PATIENCE = 250;

  let last = null; // what the rules taught: {key, exact, rules, unread}
  let before = []; // what other rules took the place of
  let waiting = null;
  let asked = 0;

  /** What stands in the fields. */
  const typed = () => ({
    rules: at("rules").value,
    question: at("question").value,
    isBack: at("back").checked,
    letters: at("letters").checked,
    exact: at("exact").checked,
  });

  function type({ rules, question, isBack, letters, exact }) {
    at("rules").value = rules;
    at("question").value = question;
    at(isBack ? "back" : "there").checked = true;
    at("letters").checked = letters;
    at("exact").checked = exact;
    answer();
  }

  /** Puts other rules in the place of those that are there, which can be brought back. */
  function begin(rules, question = "") {
    before.push(typed());
    at("undo").disabled = false;
    type({ ...NOTHING, rules, question });
  }

  function bringBack() {
    type(before.pop());
    at("undo").disabled = !before.length;
  }

  /**
   * The rules that stand there, read.
   *
   * @returns {?{exact: ExactTranslator, rules: object[], unread: string[]}} null, if there are none.
   * @throws {TranslationError} They can't be read, or can't all be right.
   */
  function read() {
    const { rules: text, letters, exact } = typed();
    const key = JSON.stringify([text, letters, exact]);
    if (last?.key !== key) {
      const unread = [];
      const rules = readLines(text, unread);
      at("unread").replaceChildren(...unread.map((one) => note(`Not read: ${one}.`)));
      const pairs = rules.map((rule) => [rule.source, rule.target]);
      const translator = rules.length ? new ExactTranslator(pairs, { separator: letters ? "" : null, exact }) : null;
      last = { key, rules, unread, exact: translator };
    }
    return last.exact === null ? null : last;
  }

  /** Answers what is typed, and keeps it. */
  function answer() {
    const now = typed();
    keep(now);
    clearTimeout(waiting);
    asked += 1;
    at("model").textContent = "";
    at("model").className = "";
    try {
      const lesson = read();
      if (lesson === null) {
        show(note("Write a rule: a sentence, =, and its translation in words of your own."));
        at("facts").replaceChildren();
        return;
      }
      at("facts").replaceChildren(tableOf(lesson));
      const question = readQuestion(now.question);
      if (!question.trim()) {
        show(note("Now write a sentence to translate."), ...notesOf(lesson));
        return;
      }
      const translation = now.isBack ? lesson.exact.back(question) : lesson.exact.translate(question);
      show(...describe(translation, lesson), ...notesOf(lesson));
      waiting = setTimeout(() => askModel(asked, lesson, question, now, translation), PATIENCE);
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error;
      show(note(error.message, "error"));
    }
  }

  const show = (...elements) => at("answer").replaceChildren(...elements);

  /** A translation in elements: its text, how sure it is, what else it may be, what its words hang on, what would tell. */
  function describe(translation, { exact, rules }) {
    const { changed, leftOut } = exact.understanding;
    const others = byOthers(
      leftOut.map((number) => rules[number].where),
      changed ? rules[changed].where : null,
      "rules",
    );
    const main = make(
      translation.isSettled ? "div.settled" : "div",
      make("p.text", translation.text),
      make("p.sure", howSure(translation, others) + unsaid(translation)),
    );
    if (translation.isOtherWay) {
      const turn = make("button", "Ask the other way", { onclick: () => at(at("back").checked ? "there" : "back").click() });
      return [main, note("Its words stand on the other side of the rules. "), turn];
    }
    const also = translation.others.filter(([, probability]) => probability >= LEAST).slice(0, MAX_OTHERS);
    const parts = [main, rows(also.map(([text, probability]) => [`or ${text}`, percent(probability)]))];
    const known = at("back").checked ? backwards(exact) : new Map();
    const words = translation.words.map((word) => ({ ...word, target: word.target || known.get(word.source) }));
    parts.push(rows(words.map((word) => wordOf(word, rules))));
    if (translation.told !== null) {
      const rule = rules[translation.told];
      parts.push(note(`${rule.where}, which was left out, has it as “${rule.target}”.`));
    }
    if (translation.unknown.length) {
      parts.push(note(`Add a rule with “${translation.unknown[0]}”: no rule shows it yet.`));
    } else if (translation.ask !== null && translation.probability < NEARLY) {
      const add = make("button", `Write it: ${translation.ask} = …`, { onclick: () => writeRule(translation.ask) });
      parts.push(note(`Your rules leave this open. A rule for “${translation.ask}” would tell most.`), add);
    }
    return parts;
  }

  /** What is to be said of a translation that doesn't show all words that no rule has. */
  function unsaid({ probability, text, unknown }) {
    const shown = wordsOf(text).filter((word) => word === UNKNOWN_WORD).length;
    if (!probability || shown >= unknown.length) return "";
    return unknown.length === 1 ? `, if “${unknown[0]}” isn’t said` : ", if not all that no rule shows is said";
  }

  /** By the language's words what each most probably says. */
  function backwards(exact) {
    const names = exact.sides.source.written;
    const found = new Map();
    for (const { kind, of, values } of exact.facts()) {
      const [value, probability] = values[0];
      if (!value || probability <= 0.5) continue;
      if (kind === "word") found.set(value, names.get(of) ?? of);
      if (kind === "particle") found.set(value, `a particle of the ${of}`);
    }
    return found;
  }

  function wordOf({ source, target, example }, rules) {
    const from = source || "a particle";
    const isOpen = example === null && (source || target === UNKNOWN_WORD);
    const why = example !== null ? `${rules[example].where} has it first` : isOpen ? "no rule translates it" : "";
    return [target ? `${from} → ${target}` : from, why];
  }

  /** Begins a line in the rules, and lets the user end it. */
  function writeRule(sentence) {
    const field = at("rules");
    field.value = `${field.value.trimEnd()}\n${sentence} = `;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    answer();
  }

  /** How the rules are read, if not as they are written, and what doesn't fit. */
  function notesOf({ exact, rules }) {
    const { changed, leftOut, belief } = exact.understanding;
    const notes = exact.readAs ? [`Read so that ${exact.readAs}.`] : [];
    if (leftOut.length) {
      const name = nameOf(rules);
      const numbers = leftOut.map((number) => numberOf(rules[number]));
      const which = numbers.length === 1 ? `${name} ${numbers[0]} is` : `${name}s ${inWords(numbers)} are`;
      notes.push(`What is in ${which} left out: no language that is known here has it beside the others.`);
    }
    if (changed) notes.push(`The rules changed at ${rules[changed].where}; those before it are left out.`);
    if (!belief.isExact) notes.push("Too much is possible to weigh it all: these are the odds among what is most probable.");
    return notes.map((text) => note(text));
  }

  /** What the place of a rule is called: line, or rule where they are JSON; and a rule's number. */
  const nameOf = (rules) => rules[0].where.split(" ")[0];
  const numberOf = (rule) => Number(rule.where.split(" ")[1]);

  /** A table of what was learned. */
  function tableOf({ exact, rules }) {
    const { changed, leftOut, belief } = exact.understanding;
    const changedAt = changed ? numberOf(rules[changed]) : null;
    const by = basis(leftOut.map((number) => numberOf(rules[number])), changedAt, belief.isExact, nameOf(rules));
    const names = exact.sides.source.written;
    const table = make("table");
    if (by) table.append(make("caption", by[0].toUpperCase() + by.slice(1)));
    table.append(make("tr", make("th", "of"), make("th", "it is"), make("th", "settled by")));
    for (const fact of exact.facts().filter((one) => one.isLikely)) {
      const [head, values] = told(fact, names, !by);
      const line = fact.settledBy === null ? "" : rules[fact.settledBy].where;
      table.append(make("tr", make("td", head), make("td", values.join(", ")), make("td", line)));
    }
    return table;
  }

  /** What the model says beside the exact answer. */
  async function askModel(number, { exact, rules }, question, { isBack, letters, exact: asWritten }, translation) {
    const say = (text, kind = "") => {
      if (number !== asked) return; // something else was typed meanwhile
      at("model").textContent = text;
      at("model").className = kind;
    };
    if (!metatrans.model.whoReads(exact)) return;
    try {
      say("The model is reading …");
      const pairs = rules.map(({ source, target }) => [source, target]);
      const spelling = { separator: letters ? "" : null, exact: asWritten };
      const said = await metatrans.model.ask(exact, pairs, question, { isBack, ...spelling });
      const least = Math.min(...said.words.map((word) => word.probability));
      // How sure it is of what the rules leave open would only mislead.
      const sure = translation.isSettled ? `: ${percent(least)}` : "";
      if (wordsOf(said.translationText).join(" ") === wordsOf(translation.text).join(" ")) {
        say(`The model says the same${sure}.`);
      } else {
        const wrong = translation.isSettled ? ", which the rules rule out" : "";
        say(`${wrong ? "The model is wrong: it says" : "The model says"} “${said.translationText}”${sure}${wrong}.`, wrong ? "differs" : "");
      }
    } catch (error) {
      const text = error.message;
      say(`The model can’t say: ${text[0].toLowerCase()}${text.slice(1)}`);
    }
  }

  const tell = (text) => (at("said").textContent = text);

  async function openFile(file) {
    try {
      begin((await readFile(file)).trimEnd());
      tell(`Read ${file.name}.`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      tell(`${file.name} is no text in UTF-8 or UTF-16.`);
    }
  }

  async function copyLink() {
    const link = location.href.replace(/#.*$/, "") + fragmentOf(typed());
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      tell("The link is copied; it carries your rules.");
    } catch {
      tell("The link stands in the address bar; it carries your rules.");
    }
  }

  /** Starts the tab, with what a link carries, what was kept, or the first of the languages to start from. */
  function start(languages) {
    for (const { name } of languages) at("starts").append(make("option", name, { value: name }));
    at("starts").onchange = () => {
      const chosen = languages.find(({ name }) => name === at("starts").value);
      if (chosen) begin(chosen.rules, chosen.question);
      at("starts").value = "";
    };
    for (const id of ["rules", "question", "there", "back", "letters", "exact"]) at(id).addEventListener("input", answer);
    at("open").onclick = () => at("file").click();
    at("file").onchange = () => {
      if (at("file").files.length) openFile(at("file").files[0]);
      at("file").value = "";
    };
    at("save").onclick = () => saveFile("rules.txt", `${typed().rules.trimEnd()}\n`);
    at("link").onclick = copyLink;
    at("undo").onclick = bringBack;
    window.addEventListener("hashchange", () => {
      const carried = readFragment(location.hash);
      if (carried) type(carried);
    });
    const [first] = languages;
    const here = readFragment(location.hash) ?? kept();
    type(here?.rules ? here : { ...NOTHING, rules: first.rules, question: first.question });
  }

  metatrans.translateView = { begin, read, start, unsaid };
})((globalThis.metatrans ??= {}));
