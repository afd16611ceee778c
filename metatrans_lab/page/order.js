// Languages in which every word has one translation, and an order says where it stands.

((metatrans) => {
  "use strict";

  const { Family } = metatrans;

  const upTo = (n) => Array.from({ length: n }, (_, i) => i);

  /** By name: for a sentence of n words, the source place of the first target word, of the second, … */
  const ORDERS = {
    straight: upTo,
    reversed: (n) => upTo(n).reverse(),
    last_first: (n) => [n - 1, ...upTo(n - 1)],
    first_last: (n) => [...upTo(n).slice(1), 0],
    pairs_swapped: (n) => upTo(n).map((i) => (i % 2 ? i - 1 : Math.min(i + 1, n - 1))),
    ends_swapped: (n) => [n - 1, ...upTo(n - 1).slice(1), 0].slice(-n),
  };

  class OrderFamily extends Family {
    constructor(orders = Object.keys(ORDERS)) {
      super([6], [["order", orders]]);
    }

    bounds(form) {
      return [form.length, form.length];
    }

    plan(form, setting) {
      return ORDERS[setting.order](form.length);
    }
  }

  Object.assign(metatrans, { OrderFamily });
})((globalThis.metatrans ??= {}));
