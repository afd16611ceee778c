// Runs a test's JavaScript with the page's scripts of the model: `node run_in_node.js FOLDER`, the function's body and
// what it is given as JSON on standard input. Prints what it returns, as JSON.
"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const url = require("node:url");
const vm = require("node:vm");

const folder = path.resolve(process.argv[2]);

function run(name) {
  const file = path.join(folder, name);
  // The runtime looks for node's modules.
  if (name.startsWith("ort.")) globalThis.ort = require(file);
  else vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
}

// As the page has them, but for what brings languages along and for its views.
const page = fs.readFileSync(path.join(folder, "index.html"), "utf8");
const scripts = Array.from(page.matchAll(/<script src="(.*?)"/g), ([, name]) => name);
for (const name of scripts.slice(0, scripts.indexOf("dom.js"))) {
  if (name !== "languages.js" && fs.existsSync(path.join(folder, name))) run(name);
}

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "metatrans-"));
process.on("exit", () => fs.rmSync(temporary, { recursive: true }));

// Node imports no modules from memory.
function addressOf(text) {
  const file = path.join(temporary, "module.mjs");
  fs.writeFileSync(file, text);
  return url.pathToFileURL(file).href;
}

globalThis.loadModel = (name) =>
  globalThis.metatrans.model.loadModel(name, { addScript: async (script) => run(script), addressOf });

const { body, given } = JSON.parse(fs.readFileSync(0, "utf8"));
const AsyncFunction = (async () => {}).constructor;
new AsyncFunction("given", body)(given).then((result) => fs.writeSync(1, JSON.stringify(result)));
