// A grammar as people have it: subject, verb and object in an order of their own, adjectives, an article, a plural,
// particles and cases, and verbs that the sentence marks, of which the translation says nothing.
//
//     the dog see-s the big cat   =   gor misu-am bardo lare

((metatrans) => {
  "use strict";

  const { Family, PARTICLE, combinations } = metatrans;

  /** The classes of source words. */
  const [NOUN, VERB, ADJECTIVE, ARTICLE, PLURAL] = [0, 1, 2, 3, 4];

  const SWITCHES = [
    ["order", ["SVO", "SOV", "VSO", "VOS", "OSV", "OVS"]],
    ["adjective", ["before", "after"]],
    ["article", ["before", "after", "dropped"]],
    ["plural", ["prefix", "suffix", "dropped"]],
    ["subject_particle", ["none", "before", "after"]],
    ["object_particle", ["none", "before", "after"]],
    ["particle_of", ["phrase", "noun"]], // what a particle stands beside; without an adjective they say the same
  ];

  const [SUBJECT_PARTICLE, OBJECT_PARTICLE] = [PARTICLE, PARTICLE - 1];

  class GrammarFamily extends Family {
    constructor() {
      super([8, 6, 4, 1, 1], SWITCHES);
    }

    /** Sentences and their parts; and with a mark of the verb, which is the plural's as far as classes go. */
    allForms() {
      const phrases = combinations([[], [ARTICLE]], [[], [ADJECTIVE]], [[], [PLURAL]]).map(
        ([article, adjective, plural]) => [...article, ...adjective, NOUN, ...plural],
      );
      const forms = [
        ...phrases.map((subject) => [...subject, VERB]),
        ...combinations(phrases, phrases).map(([subject, thing]) => [...subject, VERB, ...thing]),
        ...phrases,
        [VERB],
        ...phrases.map((thing) => [VERB, ...thing]),
        [ADJECTIVE],
        ...phrases.map((subject) => [...subject, VERB, ADJECTIVE]),
      ];
      const marked = forms.filter((form) => form.includes(VERB) && form.indexOf(NOUN) >= 0 && isSaidBefore(form));
      return [...forms, ...marked.map(withMark)];
    }

    bounds(form) {
      const said = form.filter((ofClass) => ofClass === NOUN || ofClass === VERB || ofClass === ADJECTIVE).length;
      return [said, form.length + 2];
    }

    marksVerb(form) {
      return form.some((ofClass, place) => ofClass === VERB && form[place + 1] === PLURAL);
    }

    plan(form, setting) {
      if (!this.marksVerb(form)) return planOf(form, setting);
      const after = form.indexOf(VERB) + 1;
      const without = planOf([...form.slice(0, after), ...form.slice(after + 1)], setting);
      return without.map((item) => (item >= after ? item + 1 : item));
    }
  }

  function isSaidBefore(form) {
    return form.indexOf(NOUN) < form.indexOf(VERB);
  }

  function withMark(form) {
    const after = form.indexOf(VERB) + 1;
    return [...form.slice(0, after), PLURAL, ...form.slice(after)];
  }

  function planOf(form, setting) {
    const verb = form.indexOf(VERB);
    // In a fragment nothing is subject or object.
    if (verb < 0) return phraseOf(form, 0, form.length, setting, "none", PARTICLE);
    const subject = verb ? phraseOf(form, 0, verb, setting, setting.subject_particle, SUBJECT_PARTICLE) : [];
    const isNoun = form.includes(NOUN, verb + 1);
    const particle = isNoun ? setting.object_particle : "none";
    const object = phraseOf(form, verb + 1, form.length, setting, particle, OBJECT_PARTICLE);
    const said = [];
    for (const part of setting.order) {
      if (part === "S") said.push(...subject);
      else if (part === "V") said.push(verb);
      else said.push(...object);
    }
    return said;
  }

  /** What a noun phrase says whose words stand from one place to another; or an adjective alone, or nothing. */
  function phraseOf(form, first, end, setting, particle, unit) {
    const at = [undefined, undefined, undefined, undefined, undefined]; // the place of each class
    for (let place = first; place < end; place++) at[form[place]] = place;
    if (at[NOUN] === undefined) return at[ADJECTIVE] === undefined ? [] : [at[ADJECTIVE]];
    // Of switches that say nothing of the phrase nothing is asked: so plans show which of them they hang on.
    const adjective = at[ADJECTIVE] === undefined ? "" : setting.adjective;
    const article = at[ARTICLE] === undefined ? "" : setting.article;
    const plural = at[PLURAL] === undefined ? "" : setting.plural;
    const withParticle = (marksNoun) => {
      const said = [at[NOUN]];
      put(said, at[PLURAL], plural);
      if (marksNoun) put(said, unit, particle);
      put(said, at[ADJECTIVE], adjective);
      put(said, at[ARTICLE], article);
      if (!marksNoun) put(said, unit, particle);
      return said;
    };
    const besidePhrase = withParticle(false);
    if (particle === "none") return besidePhrase;
    const besideNoun = withParticle(true);
    const differ = besideNoun.some((item, number) => item !== besidePhrase[number]);
    return differ && setting.particle_of === "noun" ? besideNoun : besidePhrase;
  }

  /** Puts an item where a switch has it. */
  function put(said, item, where) {
    if (where === "before" || where === "prefix") said.unshift(item);
    else if (where === "after" || where === "suffix") said.push(item);
  }

  Object.assign(metatrans, { GrammarFamily });
})((globalThis.metatrans ??= {}));
