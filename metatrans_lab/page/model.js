/**
 * The models in the browser: what `metatrans export --to page` wrote, run by onnxruntime-web on one thread.
 *
 * A page that is opened from a file may fetch nothing, so all files come as classic scripts: `metatrans.files` has them
 * by their names, each gzipped, in base64. They are added to the page when that model is first asked for.
 */
((metatrans) => {
  "use strict";

  const SCRIPTS = ["ort.wasm.min.js", "runtime_files.js"];
  const WASM = "ort-wasm-simd-threaded.wasm";
  const WASM_LOADER = "ort-wasm-simd-threaded.mjs";
  const [READ, STEP, WEIGHTS, MANIFEST] = ["read.onnx", "step.onnx", "weights.bin", "manifest.json"];

  const MAX_COLUMNS = 64; // read at once: the page answers clicks in between

  const loading = new Map(); // by their names, models, and what runs them

  /** What comes of some work, which is done once, unless it fails. */
  function once(name, work) {
    if (!loading.has(name)) {
      const found = work().catch((error) => {
        loading.delete(name); // so that it may be tried again
        throw error;
      });
      loading.set(name, found);
    }
    return loading.get(name);
  }

  /**
   * A model of this page, which is loaded once.
   *
   * @param {string} name One of `metatrans.modelNames`.
   * @param {object} [options] For tests outside of a page.
   * @param {function(string): Promise} [options.addScript] Runs a script of the page's folder.
   * @param {function(Uint8Array): string} [options.addressOf] An address from which a module's text can be imported.
   * @returns {Promise<Model>}
   */
  function loadModel(name = "model", { addScript = addToPage, addressOf = addressOfModule } = {}) {
    return once(name, async () => {
      const ort = await once("", () => loadRuntime(addScript, addressOf));
      await addScript(`${name}_files.js`);
      return makeModel(ort, (file) => takeFile(`${name}/${file}`));
    });
  }

  async function loadRuntime(addScript, addressOf) {
    for (const script of SCRIPTS) await addScript(script);
    const { ort } = globalThis;
    ort.env.wasm.numThreads = 1; // more need a server that isolates the page
    ort.env.wasm.wasmBinary = await takeFile(WASM);
    ort.env.wasm.wasmPaths = { mjs: addressOf(await takeFile(WASM_LOADER)) };
    return ort;
  }

  async function makeModel(ort, takeFile) {
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
    const text = atob(metatrans.files[name]);
    delete metatrans.files[name];
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
     * @param {number} numKept Of how many of the last tokens the scores are wanted.
     * @returns {Promise<{logits: Float32Array[][], state: object}>} The scores of what follows each of these tokens, in
     *   each row; and the state.
     */
    async read(rows, state, numKept = 1) {
      const width = rows[0].length;
      let logits = [];
      for (let first = 0; first < width; first += MAX_COLUMNS) {
        if (first) await new Promise((resolve) => setTimeout(resolve));
        const piece = rows.map((row) => row.slice(first, first + MAX_COLUMNS));
        const read = await this.readPiece(piece, state);
        logits = [...logits, ...read.logits].slice(-numKept);
        state = read.state;
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
      const scores = (row, place) => logits.data.subarray((row * length + place) * size, (row * length + place + 1) * size);
      const ofPlaces = rows[0].map((_, place) => rows.map((__, row) => scores(row, place)));
      return { logits: ofPlaces, state: left };
    }
  }

  /** The probabilities that go with scores. */
  function softmax(scores) {
    const most = scores.reduce((a, b) => Math.max(a, b));
    const weights = Array.from(scores, (score) => Math.exp(score - most));
    const total = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / total);
  }

  metatrans.model = { ...metatrans.model, Model, loadModel, softmax };
})((globalThis.metatrans ??= {}));
