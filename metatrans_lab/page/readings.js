// How a person's examples can be read.
//
// 1. Every word, affix or particle is one word of the translation, and no two are the same. Where such a language
//    explains the examples, no others are thought of.
//
// Else all of these, by their probability:
//
// 2. A unit may be as many as three words (letters, where letters are words: eight).
// 3. Two units may be translated alike, as *see* and *sees* are.
// 4. Both, and a word may not be said at all.

((metatrans) => {
  "use strict";

  const { Belief, Component, GrammarFamily, MAX_HYPOTHESES, OrderFamily, Posterior, RepetitionFamily, inGoodOrder } =
    metatrans;

  /** Target words that a language is taken to have, if its examples don't have more. */
  const NUM_SYMBOLS = 64;

  /** How many times as many hypotheses are kept where none is left in the end, perhaps because too few were kept. */
  const PATIENT = 10;

  /** Hypotheses of each of the other readings: the least probable of more are left out. */
  const MAX_FREELY = 500;

  /** The probability that an example fits no language known here; then each word of its translation is any. */
  const LEFT_OUT = 0.02;

  /** Of so many examples, that one is a mistake is thought of before the other readings are. */
  const MANY = 6;

  /** Words or letters of the longest sentence of which more is thought than that every word has one. */
  const MAX_FREE = 24;

  /** By which a person says a word's class, in the order of the grammar's. */
  const CLASS_NAMES = ["noun", "verb", "adjective", "article", "plural"];

  /**
   * All readings, the simplest first: what each takes a language to be, as a clause; `longest`, `silent` and `alike`
   * as of a posterior; its prior weight among those that are thought of together, to a factor.
   *
   * @param {number} longest Target words of the longest unit that may have several.
   */
  function readings(longest = 3) {
    if (!ofLongest.has(longest)) ofLongest.set(longest, makeReadings(longest));
    return ofLongest.get(longest);
  }

  const ofLongest = new Map();

  function makeReadings(longest) {
    const plain = { silent: false, alike: false, weight: 1 };
    return [
      { ...plain, says: "each word is one of the translation", longest: 1 },
      { ...plain, says: `a word may be up to ${longest} of the translation`, longest },
      { ...plain, says: "two words may be the same in the translation", longest: 1, alike: true },
      {
        ...{ says: `a word may be none to ${longest} of the translation`, longest },
        ...{ silent: true, alike: true, weight: 0.1 },
      },
    ];
  }

  let families = null;

  /** The families that a person's language may be of; equally probable. */
  function components() {
    families ??= [
      new Component("lexicon", new OrderFamily(["straight"])),
      new Component("order", new OrderFamily()),
      new Component("grammar", new GrammarFamily(), CLASS_NAMES),
      new Component("repetition", new RepetitionFamily()),
    ];
    return families;
  }

  /**
   * What is believed after examples.
   * @typedef {{reading: object, belief: Belief, leftOut: number[], changed: number}} Understanding
   *     The first reading, or the most probable of those that are thought of else; the belief under it, or under
   *     those; the numbers, from 0, of examples that had to be left out; the number of the first example of the
   *     language at hand, where the rules changed before it; else 0.
   */
  function understanding(reading, belief) {
    return { reading, belief, leftOut: [], changed: 0 };
  }

  /** No reading explains some examples. */
  class ConflictError extends Error {
    /**
     * @param {number[]} numbers Of a smallest set of them that can't all be right, from 0.
     * @param {boolean} isAlone Whether it is these alone; if not, it is this one with those before it.
     */
    constructor(numbers, isAlone = true) {
      super(`examples ${numbers.join(", ")} can't all be right`);
      this.numbers = numbers;
      this.isAlone = isAlone;
    }
  }

  /**
   * What examples teach, by the first reading or by the others, if they explain them all; else but for the only one
   * without which the first does, which is thought of earlier where examples are many; else since a change of rules;
   * else but for the first that those before it rule out, and others, as long as most are explained.
   *
   * @param {Example[]} examples In their order.
   * @param {Map<string, string>} classes Of source words, by name, where the person said them.
   * @param {object[]} readAs The readings to try, in this order.
   * @returns {Understanding}
   * @throws {ConflictError} None of these is so, or a few of the examples contradict each other.
   */
  function understand(examples, classes, readAs) {
    return new Examples(examples, classes, readAs).understand();
  }

  const without = (numbers, number) => numbers.filter((other) => other !== number);

  /** A person's examples, of which some may have to be left out. */
  class Examples {
    constructor(examples, classes, readAs) {
      Object.assign(this, { examples, classes, readAs });
      this.ordered = inGoodOrder(examples);
      this.numbers = examples.map((_, number) => number);
    }

    explain(numbers, reading, most) {
      const chosen = new Set(numbers.map((number) => this.examples[number].key));
      return posteriorOf(reading, this.ordered.filter((one) => chosen.has(one.key)), this.classes, most);
    }

    /** By the first reading; of the others there are too many languages to look for many mistakes among them. */
    simply(numbers) {
      for (const most of [MAX_HYPOTHESES, PATIENT * MAX_HYPOTHESES]) {
        const posterior = this.explain(numbers, this.readAs[0], most);
        if (posterior.hypotheses.length) return understanding(this.readAs[0], Belief.of([posterior], [1]));
        if (posterior.isExact) break;
      }
      return null;
    }

    /** By the others. */
    freely(numbers) {
      const longest = (example) => Math.max(example.source.length, example.target.length);
      if (numbers.some((number) => longest(this.examples[number]) > MAX_FREE)) return null;
      const read = this.readAs
        .slice(1)
        .map((reading) => ({ reading, posterior: this.explain(numbers, reading, MAX_FREELY) }))
        .filter(({ posterior }) => posterior.hypotheses.length);
      if (!read.length) return null;
      const belief = Belief.of(
        read.map(({ posterior }) => posterior),
        read.map(({ reading }) => reading.weight),
      );
      return understanding(read[belief.likeliest].reading, belief);
    }

    /** By any reading. */
    anyhow(numbers) {
      return this.simply(numbers) || this.freely(numbers);
    }

    /** The first example that those before it rule out; no longer beginning can be explained either. */
    ruledOut(explain, first = 0) {
      let [low, high] = [first, this.numbers.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (explain(this.numbers.slice(0, middle + 1)) === null) high = middle;
        else low = middle + 1;
      }
      return low;
    }

    understand() {
      const simply = (numbers) => this.simply(numbers);
      const plain = simply(this.numbers);
      if (plain !== null) return plain;
      const first = this.ruledOut(simply);
      const begin = this.numbers.slice(0, first + 1);
      const butOne = [];
      for (const number of begin) {
        if (simply(without(begin, number)) === null) continue;
        const rest = simply(without(this.numbers, number));
        if (rest !== null) butOne.push({ ...rest, leftOut: [number] });
      }
      const number = this.examples.length;
      const mistake = number > 2 && butOne.length === 1 ? butOne[0] : null;
      if (mistake !== null && number >= MANY) return mistake;
      let found = this.freely(this.numbers);
      if (found !== null && mistake === null && number >= MANY) {
        // What nearly all of them are by the first reading they may rather be.
        const patient = this.patiently();
        if (worthOf(patient, this.examples) > found.belief.evidence) return this.ofPatient(patient);
      }
      found = found || mistake;
      if (found === null && !butOne.length) {
        const since = simply(this.numbers.slice(first));
        found = since === null ? null : { ...since, changed: first };
      }
      return found || this.withoutSome(first);
    }

    /** But for some examples; `first` is the first that those before it rule out by the first reading. */
    withoutSome(first) {
      const conflict = this.smallestConflict(this.numbers.slice(0, first + 1));
      if (this.freely(conflict) === null) throw new ConflictError(conflict);
      const later = this.ruledOut((numbers) => this.anyhow(numbers), first);
      const found = this.freely(without(this.numbers, later));
      if (found !== null) return { ...found, leftOut: [later] };
      // The languages that are known here are too simple for these examples; for most of them they may do.
      const posterior = this.patiently();
      if (posterior.examples.length <= this.examples.length / 2) throw new ConflictError([later], false);
      return this.ofPatient(posterior);
    }

    /** By the first reading, without the examples that don't fit those before them. */
    patiently() {
      return posteriorOf(this.readAs[0], this.ordered, this.classes, MAX_HYPOTHESES, true);
    }

    /** By the first reading, of examples of which those that don't fit were left out. */
    ofPatient(posterior) {
      const kept = new Set(posterior.examples.map((example) => example.key));
      const leftOut = this.numbers.filter((number) => !kept.has(this.examples[number].key));
      return { ...understanding(this.readAs[0], Belief.of([posterior], [1])), leftOut };
    }

    /** Of examples that the first reading doesn't explain, as few as it doesn't either. */
    smallestConflict(numbers) {
      let left = numbers;
      for (const number of numbers) {
        const rest = without(left, number);
        if (this.simply(rest) === null) left = rest;
      }
      return left;
    }
  }

  /**
   * The logarithm of the probability of the examples' translations, if those that a posterior hasn't read fit no
   * language.
   *
   * @param {Posterior} posterior
   * @param {Example[]} examples
   * @param {number} leftOut The probability that one fits none.
   */
  function worthOf(posterior, examples, leftOut = LEFT_OUT) {
    const read = new Set(posterior.examples.map((example) => example.key));
    const others = examples.filter((example) => !read.has(example.key)).map((example) => example.target.length);
    const words = others.reduce((sum, length) => sum + length, 0);
    return posterior.evidence + others.length * Math.log(leftOut) - words * Math.log(posterior.numSymbols);
  }

  /** What is believed after some examples, and after one more. */
  class Step {
    constructor(after) {
      this.after = after;
      this.following = new Map(); // by an example's key
    }
  }

  /** What was learned lately, example by example: while a person types, nearly all of it stays as it is. */
  class Steps {
    /** @param {number} most Of their size that is kept, about half a kilobyte each; with more all are forgotten. */
    constructor(most) {
      this.most = most;
      this.size = 0;
      this.starts = new Map();
    }

    /**
     * After examples, or after the first of them that nothing explains.
     *
     * @param {Posterior} start Without examples.
     * @param {Example[]} examples
     * @param {boolean} isPatient Leave out an example that nothing explains, and go on.
     * @param {number} least Where the evidence comes to less, no more are read, and nothing explains them.
     */
    learn(start, examples, isPatient = false, least = -Infinity) {
      if (this.size > this.most) {
        this.starts = new Map();
        this.size = 0;
      }
      const { longest, silent, alike, numSymbols, most, classes } = start;
      const key = [longest, silent, alike, numSymbols, most, ...[...classes].flat()].join("\n");
      if (!this.starts.has(key)) this.starts.set(key, new Step(start.open()));
      let step = this.starts.get(key);
      for (const example of examples) {
        let next = step.following.get(example.key);
        if (next === undefined) {
          next = new Step(step.after.learn(example));
          step.following.set(example.key, next);
          this.size += 1;
          for (const h of next.after.hypotheses) {
            this.size += 10 + (h.groups.length ? 16 + h.groups[h.groups.length - 1].ways.length : 0);
          }
        }
        if (next.after.hypotheses.length || !isPatient) step = next;
        if (!step.after.hypotheses.length) break;
        if (step.after.evidence < least) return start;
      }
      return step.after;
    }
  }

  const STEPS = new Steps(400_000);

  /** A posterior without examples, under a reading that is to read some. */
  function startOf(reading, examples, classes, most = MAX_HYPOTHESES) {
    const { longest, silent, alike } = reading;
    const numWords = examples.reduce((sum, example) => sum + example.target.length, 0);
    // So few words aren't counted, as they can't be more different ones.
    const symbols = numWords < NUM_SYMBOLS ? [] : examples.flatMap((example) => example.target);
    return new Posterior({
      ...{ components: components(), longest, silent, alike, classes, most },
      numSymbols: Math.max(NUM_SYMBOLS, new Set(symbols).size + 1),
    });
  }

  /**
   * After examples in this order, under a reading; without hypotheses, if none of so many that are kept explains them.
   *
   * @param {boolean} isPatient Leave out examples that nothing explains beside those before; which were read, the
   *     posterior says.
   * @param {number} least Of the evidence; where it comes to less, it is as if nothing explained them.
   */
  function posteriorOf(
    reading,
    examples,
    classes,
    most = MAX_HYPOTHESES,
    isPatient = false,
    least = -Infinity,
  ) {
    return STEPS.learn(startOf(reading, examples, classes, most), examples, isPatient, least);
  }

  /** As `Posterior.learn` of each example in turn, from the begin of a posterior: what is known after each. */
  function learnedAfter(posterior, examples) {
    return STEPS.learn(posterior.with({ examples: [], hypotheses: [] }), examples);
  }

  Object.assign(metatrans, {
    ...{ CLASS_NAMES, ConflictError, NUM_SYMBOLS, learnedAfter, posteriorOf, readings, understand, worthOf },
  });
})((globalThis.metatrans ??= {}));
