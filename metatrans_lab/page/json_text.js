// JSON that is read as Python reads it: the entries of an object, a Map, stay in their order, whatever their names.
// JavaScript's own objects have names that are numbers first, so that {"two": "due", "1": "una"} would be turned.

((metatrans) => {
  "use strict";

  const { JsonNumber } = metatrans;

  const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
  const NAMES = new Map([
    ["null", null],
    ["true", true],
    ["false", false],
    ["NaN", NaN],
    ["Infinity", Infinity],
    ["-Infinity", -Infinity],
  ]);
  const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

  class Reader {
    constructor(text) {
      this.text = text;
      this.place = 0;
    }

    fail() {
      throw new SyntaxError(`not JSON at ${this.place}`);
    }

    skipBlanks() {
      while (" \t\n\r".includes(this.text[this.place] || "x")) this.place += 1;
    }

    /** Takes a mark, if it is next. */
    takes(mark) {
      this.skipBlanks();
      if (!this.text.startsWith(mark, this.place)) return false;
      this.place += mark.length;
      return true;
    }

    value() {
      if (this.takes("[")) return this.list();
      if (this.takes("{")) return this.entries();
      if (this.takes('"')) return this.string();
      for (const [name, value] of NAMES) {
        if (this.takes(name)) return value;
      }
      NUMBER.lastIndex = this.place;
      const number = NUMBER.exec(this.text);
      if (number === null) this.fail();
      this.place = NUMBER.lastIndex;
      return new JsonNumber(number[0]);
    }

    list() {
      const items = [];
      if (this.takes("]")) return items;
      do items.push(this.value());
      while (this.takes(","));
      return this.takes("]") ? items : this.fail();
    }

    entries() {
      const entries = new Map();
      if (this.takes("}")) return entries;
      do {
        if (!this.takes('"')) this.fail();
        const name = this.string();
        if (!this.takes(":")) this.fail();
        entries.set(name, this.value());
      } while (this.takes(","));
      return this.takes("}") ? entries : this.fail();
    }

    string() {
      let found = "";
      for (;;) {
        const letter = this.text[this.place];
        if (letter === undefined || letter < " ") this.fail();
        this.place += 1;
        if (letter === '"') return found;
        found += letter === "\\" ? this.escape() : letter;
      }
    }

    escape() {
      const letter = this.text[this.place];
      this.place += 1;
      if (letter !== "u") return ESCAPES[letter] || this.fail();
      const digits = this.text.slice(this.place, this.place + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail();
      this.place += 4;
      return String.fromCharCode(parseInt(digits, 16));
    }
  }

  /**
   * The value of a text of JSON; undefined, if it is none.
   */
  function readJson(text) {
    const reader = new Reader(text);
    try {
      const value = reader.value();
      reader.skipBlanks();
      return reader.place === text.length ? value : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError) return undefined; // or nested too deeply
      throw error;
    }
  }

  Object.assign(metatrans, { readJson });
})((globalThis.metatrans ??= {}));
