// Sets of settings, a bit each, and the weights of settings.
//
// A setting is a choice of every switch's value; those of a family have numbers. A set is an array of small integers,
// of which each has the bits of thirty settings: such arrays take a tenth of the time to make that typed ones take.
// Sets and weights are never changed once they are made.

((metatrans) => {
  "use strict";

  const BITS = 30;

  /** The set of no setting of so many. */
  function noSettings(number) {
    return new Array(Math.ceil(number / BITS)).fill(0);
  }

  /** The set of one setting of so many. */
  function oneSetting(number, s) {
    const set = noSettings(number);
    set[Math.floor(s / BITS)] = 1 << (s % BITS);
    return set;
  }

  /** The set of the settings for which a test holds. */
  function settingsWhere(number, holds) {
    const set = noSettings(number);
    for (let s = 0; s < number; s++) {
      if (holds(s)) set[Math.floor(s / BITS)] |= 1 << (s % BITS);
    }
    return set;
  }

  function both(one, other) {
    const set = new Array(one.length);
    for (let i = 0; i < one.length; i++) set[i] = one[i] & other[i];
    return set;
  }

  function either(one, other) {
    const set = new Array(one.length);
    for (let i = 0; i < one.length; i++) set[i] = one[i] | other[i];
    return set;
  }

  /** The settings of any of some sets, of which there is one at least. */
  function anyOf(sets) {
    if (sets.length === 1) return sets[0];
    const set = sets[0].slice();
    for (let n = 1; n < sets.length; n++) addSettings(set, sets[n]);
    return set;
  }

  /** Adds settings to a set that is being made. */
  function addSettings(set, others) {
    for (let i = 0; i < set.length; i++) set[i] |= others[i];
  }

  /** Have two sets a setting in common? */
  function meet(one, other) {
    for (let i = 0; i < one.length; i++) {
      if (one[i] & other[i]) return true;
    }
    return false;
  }

  function countSettings(set) {
    let count = 0;
    for (let i = 0; i < set.length; i++) {
      for (let bits = set[i]; bits; bits &= bits - 1) count += 1;
    }
    return count;
  }

  /** Is it the set of at most so many settings? */
  function areFew(set, most) {
    let count = 0;
    for (let i = 0; i < set.length; i++) {
      for (let bits = set[i]; bits; bits &= bits - 1) {
        if (++count > most) return false;
      }
    }
    return true;
  }

  /** The numbers of a set's settings, the smallest first. */
  function numbersOf(set) {
    const numbers = [];
    for (let i = 0; i < set.length; i++) {
      for (let bits = set[i]; bits; bits &= bits - 1) numbers.push(BITS * i + 31 - Math.clz32(bits & -bits));
    }
    return numbers;
  }

  const keys = new WeakMap();

  /** A text that equal sets alone have in common. */
  function keyOfSettings(set) {
    let key = keys.get(set);
    if (key === undefined) {
      key = set.join();
      keys.set(set, key);
    }
    return key;
  }

  /** Adds a share to the weight of each setting of a set. */
  function addTo(weights, set, share) {
    for (let i = 0; i < set.length; i++) {
      for (let bits = set[i]; bits; bits &= bits - 1) weights[BITS * i + 31 - Math.clz32(bits & -bits)] += share;
    }
  }

  /** The sum of the weights of a set's settings. */
  function sumWithin(weights, set) {
    let sum = 0;
    for (let i = 0; i < set.length; i++) {
      for (let bits = set[i]; bits; bits &= bits - 1) sum += weights[BITS * i + 31 - Math.clz32(bits & -bits)];
    }
    return sum;
  }

  /** The product of weights, setting by setting. */
  function product(first, others) {
    if (!others.length) return first;
    const weights = first.slice();
    for (const other of others) {
      for (let s = 0; s < weights.length; s++) weights[s] *= other[s];
    }
    return weights;
  }

  function sumOf(weights) {
    return sumBetween(weights, 0, weights.length);
  }

  /** As numpy sums, so that equal sums round alike: in halves, and by eights within a block. */
  function sumBetween(weights, first, end) {
    const number = end - first;
    if (number > 128) {
      const half = first + (number >> 1) - ((number >> 1) % 8);
      return sumBetween(weights, first, half) + sumBetween(weights, half, end);
    }
    let sum = 0;
    let i = first;
    if (number >= 8) {
      let [a, b, c, d, e, f, g, h] = weights.subarray(first, first + 8);
      for (i = first + 8; i + 8 <= end; i += 8) {
        a += weights[i];
        b += weights[i + 1];
        c += weights[i + 2];
        d += weights[i + 3];
        e += weights[i + 4];
        f += weights[i + 5];
        g += weights[i + 6];
        h += weights[i + 7];
      }
      sum = a + b + (c + d) + (e + f + (g + h));
    }
    for (; i < end; i++) sum += weights[i];
    return sum;
  }

  const MOST_SHARED = 1_000;

  let inUse = new Map(); // weights by a hash of them
  let numInUse = 0;
  const ids = new WeakMap();
  let nextId = 1;

  function areEqual(one, other) {
    if (one.length !== other.length) return false;
    for (let s = 0; s < one.length; s++) {
      if (one[s] !== other[s]) return false;
    }
    return true;
  }

  /** The weights, or others that are equal to them and in use: most have the same as some other. */
  function shared(weights) {
    const words = new Int32Array(weights.buffer);
    let hash = words.length;
    for (let i = 0; i < words.length; i++) hash = (Math.imul(hash, 31) + words[i]) | 0;
    const alike = inUse.get(hash) || [];
    for (const known of alike) {
      if (areEqual(known, weights)) return known;
    }
    if (numInUse >= MOST_SHARED) {
      inUse = new Map();
      numInUse = 0;
    }
    inUse.set(hash, [...(inUse.get(hash) || []), weights]);
    numInUse += 1;
    return weights;
  }

  /** A number that these weights alone have, as long as they are in use. */
  function idOf(weights) {
    let id = ids.get(weights);
    if (id === undefined) {
      id = nextId++;
      ids.set(weights, id);
    }
    return id;
  }

  Object.assign(metatrans, {
    ...{ addSettings, addTo, anyOf, areFew, both, countSettings, either, idOf, keyOfSettings, meet },
    ...{ noSettings, numbersOf, oneSetting, product, settingsWhere, shared, sumOf, sumWithin },
  });
})((globalThis.metatrans ??= {}));
