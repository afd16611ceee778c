// What was typed, and where it is kept: in a link's fragment, in the browser, in a file. Nothing of it leaves the page.

((metatrans) => {
  "use strict";

  const KEY = "metatrans-rules";

  /**
   * What was typed.
   * @typedef {{rules: string, question: string, isBack: boolean, letters: boolean, exact: boolean}} Typed
   *     The rules' lines; the sentence that is asked for; is it asked out of the language? Is each letter a word, and do
   *     capitals and punctuation count?
   */

  const NOTHING = { rules: "", question: "", isBack: false, letters: false, exact: false };

  /**
   * A link's fragment that carries what was typed.
   * @param {Typed} typed
   */
  function fragmentOf({ rules, question, isBack, letters, exact }) {
    const carried = new URLSearchParams({ rules, ask: question });
    for (const [name, is] of [["back", isBack], ["letters", letters], ["exact", exact]]) if (is) carried.set(name, "1");
    return `#${carried}`;
  }

  /**
   * What a link's fragment carries; null, if it carries none.
   * @returns {?Typed}
   */
  function readFragment(fragment) {
    const carried = new URLSearchParams(fragment.replace(/^#/, ""));
    if (!carried.has("rules")) return null;
    return {
      rules: carried.get("rules"),
      question: carried.get("ask") ?? "",
      isBack: carried.has("back"),
      letters: carried.has("letters"),
      exact: carried.has("exact"),
    };
  }

  /** Keeps a value in the browser, by its name, for the next time; a browser may refuse, and the page goes on. */
  function store(name, value) {
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // Private windows and some browsers' files have no storage.
    }
  }

  /** The value that was kept by this name the last time; null, if none was. */
  function stored(name) {
    try {
      return JSON.parse(localStorage.getItem(name) ?? "null");
    } catch {
      return null;
    }
  }

  /** Keeps what was typed for the next time. */
  const keep = (typed) => store(KEY, typed);

  /**
   * What was kept the last time.
   * @returns {Typed}
   */
  const kept = () => ({ ...NOTHING, ...stored(KEY) });

  /** Gives the browser a text file to save. */
  function saveFile(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    metatrans.dom.make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  /**
   * A file's text, whether it is in UTF-8 or, as its mark says, in UTF-16.
   * @param {Blob} file
   * @throws {TypeError} It is neither.
   */
  async function readFile(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const is = (...mark) => mark.every((byte, number) => bytes[number] === byte);
    const encoding = is(0xff, 0xfe) ? "utf-16le" : is(0xfe, 0xff) ? "utf-16be" : "utf-8";
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  }

  metatrans.kept = { NOTHING, fragmentOf, keep, kept, readFile, readFragment, saveFile, store, stored };
})((globalThis.metatrans ??= {}));
