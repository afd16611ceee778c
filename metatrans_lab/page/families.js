// What the families have in common whose languages are switches and a lexicon.
//
// A family says which classes its words are of, which forms its sentences have, which switches there are, and the plan
// of a form under a setting: what is said, one after the other. An item of a plan is a place of the source, or below 0
// a unit that no word of the source says. It also bounds how many items the plans of a form may have, so that nothing
// else has to be asked about a form whose plans are too long or too short.

((metatrans) => {
  "use strict";

  const { settingsWhere } = metatrans;

  /** The item of a plan that says the first unit which no word of the source says; the next ones are below it. */
  const PARTICLE = -1;

  class Family {
    /**
     * @param {number[]} classSizes Words of each class.
     * @param {[string, string[]][]} switches Their names, each with its values.
     */
    constructor(classSizes, switches) {
      this.classSizes = classSizes;
      this.switches = new Map(switches);
      this.settings = [{}];
      for (const [name, values] of switches) {
        this.settings = this.settings.flatMap((setting) => values.map((value) => ({ ...setting, [name]: value })));
      }
      this.everySetting = settingsWhere(this.settings.length, () => true);
      /** Of each switch, of each setting, the number of its value. */
      this.valueNumbers = switches.map(([name, values]) =>
        Uint8Array.from(this.settings, (setting) => values.indexOf(setting[name])),
      );
      this.ofLength = new Map();
      this.ofValue = new Map();
    }

    /** The forms of this length; a family of one class has one of every length. */
    forms(length) {
      let found = this.ofLength.get(length);
      if (found === undefined) {
        const isPlain = this.classSizes.length === 1;
        found = isPlain ? [new Array(length).fill(0)] : this.allForms().filter((form) => form.length === length);
        this.ofLength.set(length, found);
      }
      return found;
    }

    /** Has a sentence of this form a mark of its verb, which no plan says? */
    marksVerb(form) {
      return false;
    }

    /** The settings in which a switch has this value. */
    settingsOf(name, value) {
      const key = `${name} ${value}`;
      let found = this.ofValue.get(key);
      if (found === undefined) {
        found = settingsWhere(this.settings.length, (s) => this.settings[s][name] === value);
        this.ofValue.set(key, found);
      }
      return found;
    }
  }

  /** Every way to take one of each list, the last list's first. */
  function combinations(...lists) {
    return lists.reduce((found, list) => found.flatMap((some) => list.map((one) => [...some, one])), [[]]);
  }

  Object.assign(metatrans, { Family, PARTICLE, combinations });
})((globalThis.metatrans ??= {}));
