/**
 * Python's `random.Random`, as far as bindings of words to symbols are drawn by it: the same seed gives the same ones.
 * The generator is the Mersenne Twister MT19937 of Matsumoto and Nishimura, seeded as CPython's `_randommodule.c` does.
 */
(() => {
  "use strict";

  const SIZE = 624;
  const MIDDLE = 397;

  class SeededRandom {
    /**
     * @param {number} seed An integer from 0 to 2⁵³ − 1.
     */
    constructor(seed) {
      if (!Number.isSafeInteger(seed) || seed < 0) {
        throw new RangeError(`The seed must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, not ${seed}.`);
      }
      const words = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
      this.state = new Uint32Array(SIZE);
      this.seedByWords(words[1] ? words : words.slice(0, 1));
      this.index = SIZE;
    }

    /** `init_by_array` of the reference implementation. */
    seedByWords(words) {
      const state = this.state;
      state[0] = 19650218;
      for (let i = 1; i < SIZE; i++) {
        state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
      }
      let i = 1;
      let j = 0;
      const next = () => {
        i++;
        if (i >= SIZE) {
          state[0] = state[SIZE - 1];
          i = 1;
        }
      };
      for (let k = Math.max(SIZE, words.length); k > 0; k--) {
        state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), 1664525)) + words[j] + j;
        j = (j + 1) % words.length;
        next();
      }
      for (let k = SIZE - 1; k > 0; k--) {
        state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), 1566083941)) - i;
        next();
      }
      state[0] = 0x80000000;
    }

    /** 32 random bits, as a number from 0. */
    next() {
      if (this.index === SIZE) {
        const state = this.state;
        for (let i = 0; i < SIZE; i++) {
          const bits = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
          state[i] = state[(i + MIDDLE) % SIZE] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
        }
        this.index = 0;
      }
      let bits = this.state[this.index++];
      bits ^= bits >>> 11;
      bits ^= (bits << 7) & 0x9d2c5680;
      bits ^= (bits << 15) & 0xefc60000;
      return (bits ^ (bits >>> 18)) >>> 0;
    }

    /** A number from 0 to `limit` − 1, as `_randbelow` draws it. */
    below(limit) {
      const shift = Math.clz32(limit); // as many bits as the limit has
      for (;;) {
        const drawn = this.next() >>> shift;
        if (drawn < limit) return drawn;
      }
    }

    /** All values in a random order, as `sample(values, len(values))` gives them. */
    shuffled(values) {
      return this.sample(values, values.length);
    }

    /** So many of the values in a random order, as `sample` gives them. */
    sample(values, number) {
      const { length } = values;
      // Of many values few are drawn anew until they differ.
      const most = 21 + (number > 5 ? 4 ** Math.ceil(Math.log(3 * number) / Math.log(4)) : 0);
      const chosen = new Set();
      const pool = [...values];
      return Array.from({ length: number }, (_, i) => {
        if (length > most) {
          let drawn = this.below(length);
          while (chosen.has(drawn)) drawn = this.below(length);
          chosen.add(drawn);
          return values[drawn];
        }
        const left = length - i;
        const drawn = this.below(left);
        const value = pool[drawn];
        pool[drawn] = pool[left - 1];
        return value;
      });
    }
  }

  const metatrans = (globalThis.metatrans ??= {});
  metatrans.model = { ...metatrans.model, SeededRandom };
})();
