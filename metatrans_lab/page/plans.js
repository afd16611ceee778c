// The plans that a sentence of one form can have in a family: each once, with the settings that it stands for.
//
//     form   NOUN VERB NOUN        plans   0 1 2     SVO, no particles
//                                          0 2 1     SOV, no particles
//                                          …

((metatrans) => {
  "use strict";

  const { addSettings, anyOf, areFew, both, either, keyOfSettings, meet, numbersOf, oneSetting } = metatrans;

  /** Plans that begin alike, of one form. */
  class Node {
    /**
     * @param {{items: number[], settings: number[]}[]} plans These.
     * @param {number} depth How many items they have in common.
     */
    constructor(plans, depth = 0) {
      this.plans = plans;
      this.depth = depth;
      this.children = null;
      this.asked = null;
      this.isAllowed = false;
      this.settings = anyOf(plans.map((plan) => plan.settings));
      const ending = plans.filter((plan) => plan.items.length === depth);
      /** Those settings whose plan ends here; null: there is none. */
      this.ends = ending.length ? anyOf(ending.map((plan) => plan.settings)) : null;
      const lengths = plans.map((plan) => plan.items.length);
      /** How many items may still come. */
      this.shortest = lengths.reduce((one, other) => Math.min(one, other)) - depth;
      this.longest = lengths.reduce((one, other) => Math.max(one, other)) - depth;
    }

    /** Has one of its plans one of these settings? The last answer is kept: the same is asked again and again. */
    allows(settings) {
      if (this.asked !== settings) {
        this.asked = settings;
        this.isAllowed = meet(this.settings, settings);
      }
      return this.isAllowed;
    }

    /** The next items, a place of the source or a particle, each with the node of the plans that go on with it. */
    get following() {
      if (this.children === null) {
        const found = new Map();
        for (const plan of this.plans) {
          if (plan.items.length > this.depth) {
            const item = plan.items[this.depth];
            if (found.has(item)) found.get(item).push(plan);
            else found.set(item, [plan]);
          }
        }
        this.children = Array.from(found, ([item, plans]) => ({ item, node: new Node(plans, this.depth + 1) }));
      }
      return this.children;
    }
  }

  // Of so few settings each one's plan is asked for, rather than those of all, so often.
  const [FEW, OFTEN] = [32, 100];

  const MOST_KEPT = 4_096;

  /** What was made lately, by family and by a text; with too many all are forgotten. */
  class Kept {
    constructor() {
      this.ofFamily = new Map();
      this.size = 0;
    }

    get(family, key, make) {
      if (!this.ofFamily.has(family)) this.ofFamily.set(family, new Map());
      let value = this.ofFamily.get(family).get(key);
      if (value === undefined) {
        if (this.size >= MOST_KEPT) {
          this.ofFamily = new Map([[family, new Map()]]);
          this.size = 0;
        }
        value = make();
        this.ofFamily.get(family).set(key, value);
        this.size += 1;
      }
      return value;
    }
  }

  const keptOfAll = new Kept();
  const keptOfFew = new Kept();
  const timesAsked = new Map();

  /** The plans of a form, of possible settings at least, with what is made of them. */
  class Plans {
    constructor(plans, numSettings) {
      this.list = plans;
      this.numSettings = numSettings;
      this.root = null;
      this.numbers = null;
    }

    /** All of them, those together that begin alike. */
    get tree() {
      this.root ??= new Node(this.list);
      return this.root;
    }

    /** Of each setting the number of its plan; −1 of one that isn't possible. */
    get ofSetting() {
      if (this.numbers === null) {
        this.numbers = new Int32Array(this.numSettings).fill(-1);
        this.list.forEach((plan, number) => {
          for (const s of numbersOf(plan.settings)) this.numbers[s] = number;
        });
      }
      return this.numbers;
    }
  }

  /**
   * Every plan of a form, and the settings that it stands for.
   *
   * @param {Family} family
   * @param {number[]} form The class of each place.
   * @param {?number[]} possible Settings that count; null: all.
   * @returns {Plans}
   */
  function plansOf(family, form, possible = null) {
    const key = form.join();
    // If few settings are possible they are looked at one by one; unless that was often done of the form.
    if (possible !== null && areFew(possible, FEW)) {
      const times = (timesAsked.get(`${family.constructor.name} ${key}`) || 0) + 1;
      if (times <= OFTEN) {
        timesAsked.set(`${family.constructor.name} ${key}`, times);
        const few = () => new Plans(plansOfFew(family, form, possible), family.settings.length);
        return keptOfFew.get(family, `${key} ${keyOfSettings(possible)}`, few);
      }
    }
    return keptOfAll.get(family, key, () => new Plans(plansOfAll(family, form), family.settings.length));
  }

  /** Adds settings to those of a plan. */
  function note(found, items, settings) {
    const key = items.join();
    const known = found.get(key);
    if (known === undefined) found.set(key, { items, settings });
    else if (known.isOwn) addSettings(known.settings, settings);
    else found.set(key, { items, settings: either(known.settings, settings), isOwn: true });
  }

  function plansOfFew(family, form, possible) {
    const found = new Map();
    for (const s of numbersOf(possible)) {
      note(found, family.plan(form, family.settings[s]), oneSetting(family.settings.length, s));
    }
    return [...found.values()];
  }

  /**
   * Most settings differ in switches that a form doesn't depend on; which those are shows when the family asks for a
   * switch. So those that it asks for take all their values, the last one that was asked for first, and no others.
   */
  function plansOfAll(family, form) {
    const found = new Map();
    const asked = []; // switches, in the order in which they were asked for, each with its value, as a number
    const numberOf = new Map();
    const setting = {};
    // The settings that have the values of a switch and of those asked for before it.
    const decide = (place, number) => {
      const { name, values } = asked[place];
      const before = place ? asked[place - 1].settings : family.everySetting;
      numberOf.set(name, number);
      asked[place].settings = both(before, family.settingsOf(name, values[number]));
    };
    for (const [name, values] of family.switches) {
      Object.defineProperty(setting, name, {
        get() {
          if (!numberOf.has(name)) decide(asked.push({ name, values }) - 1, values.length - 1);
          return values[numberOf.get(name)];
        },
      });
    }
    do {
      const items = family.plan(form, setting);
      const last = () => asked[asked.length - 1];
      note(found, items, asked.length ? last().settings : family.everySetting);
      while (asked.length && numberOf.get(last().name) === 0) numberOf.delete(asked.pop().name);
      if (asked.length) decide(asked.length - 1, numberOf.get(last().name) - 1);
    } while (asked.length);
    return [...found.values()];
  }

  Object.assign(metatrans, { plansOf });
})((globalThis.metatrans ??= {}));
