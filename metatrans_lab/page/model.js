/**
 * The model in the browser: what `metatrans export --to page` wrote, run by onnxruntime-web on one thread, and a session
 * that translates by examples as `TranslatorSession` in `session_metalstm.py` does, binding for binding.
 *
 *     const model = await metatrans.model.loadModel();
 *     const session = new metatrans.model.TranslatorSession(model, [["red", "dax"], ["blue red", "wif dax"]]);
 *     (await session.translate("blue red")).translationText; // "wif dax"
 *
 * A page that is opened from a file may fetch nothing, so all files come as classic scripts: `metatrans.files` has them
 * by their names, each gzipped, in base64. They are added to the page when a model is first asked for.
 */
(() => {
  "use strict";

  const { Spelling, TranslationError, UNKNOWN_WORD } = globalThis.metatrans;
  const { Lesson, SeededRandom } = globalThis.metatrans.model;

  const SCRIPTS = ["ort.wasm.min.js", "runtime_files.js", "model_files.js"];
  const WASM = "ort-wasm-simd-threaded.wasm";
  const WASM_LOADER = "ort-wasm-simd-threaded.mjs";
  const [READ, STEP, WEIGHTS, MANIFEST] = ["read.onnx", "step.onnx", "weights.bin", "manifest.json"];

  const MAX_BINDINGS = 100;
  const NUM_BINDINGS = 8;
  const MAX_COLUMNS = 64; // read at once: the page answers clicks in between

  let loading = null;

  /**
   * The model of this page, which is loaded once.
   *
   * @param {object} [options] For tests outside of a page.
   * @param {function(string): Promise} [options.addScript] Runs a script of the page's folder.
   * @param {function(Uint8Array): string} [options.addressOf] An address from which a module's text can be imported.
   * @returns {Promise<Model>}
   */
  function loadModel({ addScript = addToPage, addressOf = addressOfModule } = {}) {
    loading ??= load(addScript, addressOf).catch((error) => {
      loading = null; // so that it may be tried again
      throw error;
    });
    return loading;
  }

  async function load(addScript, addressOf) {
    for (const script of SCRIPTS) await addScript(script);
    const { ort } = globalThis;
    ort.env.wasm.numThreads = 1; // more need a server that isolates the page
    ort.env.wasm.wasmBinary = await takeFile(WASM);
    ort.env.wasm.wasmPaths = { mjs: addressOf(await takeFile(WASM_LOADER)) };
    const manifest = JSON.parse(new TextDecoder().decode(await takeFile(MANIFEST)));
    const externalData = [{ path: WEIGHTS, data: await takeFile(WEIGHTS) }];
    const graphs = {};
    for (const name of [READ, STEP]) {
      const options = { executionProviders: ["wasm"], externalData, logSeverityLevel: 3 };
      graphs[name] = await ort.InferenceSession.create(await takeFile(name), options);
    }
    return new Model(ort, manifest, graphs);
  }

  function addToPage(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = name;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`The page's folder has no ${name}.`));
      document.head.append(script);
    });
  }

  function addressOfModule(text) {
    return URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  }

  /** A file's bytes; its text goes, as nobody needs it again. */
  async function takeFile(name) {
    const text = atob(globalThis.metatrans.files[name]);
    delete globalThis.metatrans.files[name];
    const zipped = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) zipped[i] = text.charCodeAt(i);
    const plain = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  }

  /** A model that reads rows of tokens and keeps a state, as `manifest.json` describes it. */
  class Model {
    constructor(ort, manifest, graphs) {
      Object.assign(this, { ort, manifest, graphs });
      this.numSources = manifest.alphabet.num_source_words;
      this.numTargets = manifest.alphabet.num_target_words;
      this.startOfSource = manifest.alphabet.marks.start_of_source.id;
      this.startOfTarget = manifest.alphabet.marks.start_of_target.id;
    }

    /** The state before the first token, of so many rows. */
    emptyState(numRows) {
      const state = {};
      for (const { after, shape, dtype } of this.manifest.states) {
        const sizes = shape.map((size) => (size === "rows" ? numRows : size));
        const length = sizes.reduce((a, b) => a * b, 1);
        const values = dtype === "int64" ? new BigInt64Array(length) : new Float32Array(length);
        state[after] = new this.ort.Tensor(dtype, values, sizes);
      }
      return state;
    }

    /**
     * Reads on from a state, which stays as it is.
     *
     * @param {number[][]} rows Tokens, all rows of one length.
     * @param {object} state Of `emptyState`, or what another call gave.
     * @returns {Promise<{logits: Float32Array[], state: object}>} The scores of what follows each row, and the state.
     */
    async read(rows, state) {
      const width = rows[0].length;
      let logits = null;
      for (let first = 0; first < width; first += MAX_COLUMNS) {
        if (first) await new Promise((resolve) => setTimeout(resolve));
        const piece = rows.map((row) => row.slice(first, first + MAX_COLUMNS));
        ({ logits, state } = await this.readPiece(piece, state));
      }
      return { logits, state };
    }

    async readPiece(rows, state) {
      const shape = [rows.length, rows[0].length];
      const integers = (values) => new this.ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape);
      const given = { input_ids: integers(rows.flat()) };
      const graph = this.graphs[shape[1] === 1 ? STEP : READ];
      if (graph !== this.graphs[STEP]) given.attention_mask = integers(rows.flat().fill(1));
      for (const { before, after } of this.manifest.states) given[before] = state[after];
      const { logits, ...left } = await graph.run(given);
      const [, length, size] = logits.dims;
      const last = rows.map((_, row) => logits.data.subarray(((row + 1) * length - 1) * size, (row + 1) * length * size));
      return { logits: last, state: left };
    }
  }

  /**
   * Translates by examples, in words of the user's own: each distinct word is bound to a random symbol of the model's
   * alphabet, the model says as many target words as the sentence has, and they are bound back. Several such bindings
   * are averaged, which evens out how far the model doesn't treat its symbols alike.
   */
  class TranslatorSession {
    /**
     * @param {Model} model
     * @param {string[][]} examples Pairs of a sentence and its translation; words stand at the same place in both.
     * @param {object} [options]
     * @param {number} [options.numBindings] How many random bindings to average, 1 to 100.
     * @param {number} [options.seed] Of the bindings; the same seed gives the same results, in Python too.
     * @param {?string} [options.separator] What stands between words, as of `Spelling`.
     * @param {boolean} [options.exact] Whether words are the same only if they are written alike.
     * @throws {TranslationError} Examples that can't be read, in a sentence that says why.
     */
    constructor(model, examples, { numBindings = NUM_BINDINGS, seed = 0, separator = null, exact = false } = {}) {
      if (!Number.isInteger(numBindings) || numBindings < 1 || numBindings > MAX_BINDINGS) {
        throw new TranslationError(
          `\`num_bindings\` must be an integer from 1 to ${MAX_BINDINGS}, not ${numBindings}.`,
        );
      }
      this.model = model;
      this.spelling = new Spelling(separator, exact);
      this.lesson = Lesson.fromExamples(examples, model.numSources, model.numTargets, this.spelling);
      const random = new SeededRandom(seed);
      this.bindings = Array.from({ length: numBindings }, () => drawBinding(model, random));
      this.state = model.emptyState(numBindings); // after `numRead` examples
      this.numRead = 0;
      this.last = Promise.resolve();
    }

    /** One more example, at the end. */
    add(source, target) {
      this.lesson = this.lesson.add(source, target);
    }

    /**
     * Translates a sentence. Questions that are asked while another is answered wait for their turn.
     *
     * @returns {Promise<{translationText: string, words: object[]}>} Of each word its `source`; `target`, "?" where the
     *   most probable symbol is none of the user's words; the `probability` of that word, or of all words without a
     *   name together; `guess`: whether no example translates it; `taught`: what the examples translate it as; and
     *   `example`: the number, from 1, of the first that does; both null for a guess.
     * @throws {TranslationError} It can't be translated, in a sentence that says why.
     */
    async translate(sentence) {
      const { lesson } = this;
      const question = lesson.ask(sentence);
      const answer = this.last.then(async () => {
        await this.readExamples(lesson);
        return this.answer(question, lesson);
      });
      this.last = answer.catch(() => {});
      return answer;
    }

    /** Has all of a lesson read; if that fails, what was read before stays. */
    async readExamples(lesson) {
      const tokens = writeExamples(this.model, lesson.examples.slice(this.numRead), lesson.lexicon);
      if (!tokens.length) return;
      const { state } = await this.model.read(this.inSymbols(tokens), this.state);
      [this.state, this.numRead] = [state, lesson.examples.length];
    }

    /** Tokens before any binding as a row of the model's for each binding. */
    inSymbols(tokens) {
      return this.bindings.map((binding) => tokens.map((token) => binding[token]));
    }

    /**
     * Greedy decoding of as many target words as the sentence has, in words rather than symbols, so that all bindings
     * say the same.
     */
    async answer(question, { lexicon, firstUse }) {
      const { numSources, numTargets } = this.model;
      const names = [...lexicon.values()];
      let rows = this.inSymbols(writeQuestion(this.model, question, lexicon));
      let { state } = this;
      let numWords = names.length;
      const words = [];
      for (const source of question) {
        let logits;
        ({ logits, state } = await this.model.read(rows, state));
        const ofSymbols = logits.map((row) => softmax(row.subarray(numSources, numSources + numTargets)));
        // In the order of words, averaged over the bindings.
        const probabilities = Array.from({ length: numTargets }, (_, word) => {
          const ofWord = this.bindings.map((binding, row) => ofSymbols[row][binding[numSources + word] - numSources]);
          return ofWord.reduce((a, b) => a + b) / ofWord.length;
        });
        const said = chooseWord(probabilities, numWords);
        // A word without a name that was said once is a word of this sentence.
        numWords = Math.max(numWords, said + 1);
        rows = this.bindings.map((binding) => [binding[numSources + said]]);
        const named = said < names.length;
        const nameless = 1 - probabilities.slice(0, names.length).reduce((a, b) => a + b, 0);
        words.push({
          source,
          target: named ? names[said] : UNKNOWN_WORD,
          probability: Math.min(Math.max(named ? probabilities[said] : nameless, 0), 1),
          guess: !lexicon.has(source),
          taught: lexicon.get(source) ?? null,
          example: firstUse.get(source) ?? null,
        });
      }
      return { translationText: this.spelling.join(words.map((word) => word.target)), words };
    }
  }

  /**
   * Binds every word that there can be to a symbol of its own, drawn at random: the tokens of the first, second, …
   * source word, then of the target words, then `␁` and `␂` themselves.
   */
  function drawBinding({ numSources, numTargets, startOfSource, startOfTarget }, random) {
    const numbers = Array.from({ length: numSources + numTargets }, (_, number) => number);
    const sources = random.shuffled(numbers.slice(0, numSources));
    const targets = random.shuffled(numbers.slice(numSources));
    return [...sources, ...targets, startOfSource, startOfTarget];
  }

  /**
   * `␁ s…s ␂`, the question for a translation, in tokens before any binding: the first distinct source word of the
   * examples is 0, the next 1, …, and words that are new here follow.
   */
  function writeQuestion({ startOfSource, startOfTarget }, words, lexicon) {
    const numbers = new Map([...new Set([...lexicon.keys(), ...words])].map((word, number) => [word, number]));
    return [startOfSource, ...words.map((word) => numbers.get(word)), startOfTarget];
  }

  /** `␁ s…s ␂ t…t` of each example, in tokens before any binding. */
  function writeExamples(model, examples, lexicon) {
    const numbers = new Map([...lexicon.keys()].map((word, number) => [word, number]));
    return examples.flatMap(({ source }) => {
      const ofWords = source.map((word) => numbers.get(word));
      const said = ofWords.map((number) => model.numSources + number);
      return [model.startOfSource, ...ofWords, model.startOfTarget, ...said];
    });
  }

  function softmax(scores) {
    const most = scores.reduce((a, b) => Math.max(a, b));
    const weights = Array.from(scores, (score) => Math.exp(score - most));
    const total = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / total);
  }

  /**
   * The most probable word. Those from `numWords` on are words that nothing has been said of: they are alike and share
   * their probability, and the first of them is chosen for all.
   */
  function chooseWord(probabilities, numWords) {
    const left = probabilities.slice(numWords);
    const share = left.reduce((a, b) => a + b, 0) / Math.max(left.length, 1);
    // Of words as good as each other, to rounding, the first.
    const scores = probabilities.map((p, word) => Math.log(word < numWords ? p : share) - 1e-6 * word);
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  }

  const { metatrans } = globalThis;
  metatrans.model = { ...metatrans.model, Model, TranslatorSession, loadModel };
})();
