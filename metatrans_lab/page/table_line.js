// A line of a table whose columns commas divide, as Python's `csv.reader` reads it.

((metatrans) => {
  "use strict";

  const { lengthOf } = metatrans;

  const LONGEST_FIELD = 131_072;

  /** The columns of a line; null, if it is none of a table. Blanks after commas don't count. */
  function tableLine(line) {
    const columns = [];
    let field = "";
    let state = "start of record";
    const end = () => {
      if (lengthOf(field) > LONGEST_FIELD) return false;
      columns.push(field);
      field = "";
      return true;
    };
    for (const letter of line) {
      const breaks = letter === "\n" || letter === "\r";
      if (state === "end of line") {
        if (!breaks) return null;
      } else if (state === "in quotes") {
        if (letter === '"') state = "after quotes";
        else field += letter;
      } else if (state === "after quotes" && letter === '"') {
        field += letter;
        state = "in quotes";
      } else if (breaks) {
        if (state !== "start of record" && !end()) return null;
        state = "end of line";
      } else if (letter === ",") {
        if (!end()) return null;
        state = "start of field";
      } else if (state === "start of record" || state === "start of field") {
        if (letter === '"') state = "in quotes";
        else if (letter === " ") state = "start of field";
        else {
          field += letter;
          state = "in field";
        }
      } else {
        field += letter;
        state = "in field";
      }
    }
    if (state !== "start of record" && state !== "end of line" && !end()) return null;
    return columns;
  }

  Object.assign(metatrans, { tableLine });
})((globalThis.metatrans ??= {}));
