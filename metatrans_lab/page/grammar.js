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

    plan(form, setting) {
      const after = form.includes(VERB) ? form.indexOf(VERB) + 1 : form.length;
      if (form[after] !== PLURAL) return planOf(form, setting);
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
    const places = form.map((_, place) => place);
    // In a fragment nothing is subject or object.
    if (!form.includes(VERB)) return phraseOf(form, places, setting, "none", PARTICLE);
    const verb = form.indexOf(VERB);
    const parts = { S: [], V: [verb], O: [] };
    if (verb > 0) {
      parts.S = phraseOf(form, places.slice(0, verb), setting, setting.subject_particle, SUBJECT_PARTICLE);
    }
    const after = places.slice(verb + 1);
    parts.O = form.includes(NOUN, verb + 1)
      ? phraseOf(form, after, setting, setting.object_particle, OBJECT_PARTICLE)
      : after;
    return Array.from(setting.order, (part) => parts[part]).flat();
  }

  /** What a noun phrase says whose words stand at these places; or an adjective alone. */
  function phraseOf(form, places, setting, particle, unit) {
    const place = (ofClass) => places.find((one) => form[one] === ofClass);
    const noun = place(NOUN);
    if (noun === undefined) return places;
    const [adjective, article, plural] = [place(ADJECTIVE), place(ARTICLE), place(PLURAL)];
    const beside = (said, item, where) => {
      if (where === "before" || where === "prefix") return [item, ...said];
      return where === "after" || where === "suffix" ? [...said, item] : said;
    };
    // Of switches that say nothing of the phrase nothing is asked: so plans show which of them they hang on.
    const whereAdjective = adjective === undefined ? "" : setting.adjective;
    const whereArticle = article === undefined ? "" : setting.article;
    const wherePlural = plural === undefined ? "" : setting.plural;
    const withParticle = (marksNoun) => {
      let said = beside([noun], plural, wherePlural);
      if (marksNoun) said = beside(said, unit, particle);
      said = beside(said, adjective, whereAdjective);
      said = beside(said, article, whereArticle);
      return marksNoun ? said : beside(said, unit, particle);
    };
    const besidePhrase = withParticle(false);
    if (particle === "none") return besidePhrase;
    const besideNoun = withParticle(true);
    const differ = besideNoun.some((item, number) => item !== besidePhrase[number]);
    return differ && setting.particle_of === "noun" ? besideNoun : besidePhrase;
  }

  Object.assign(metatrans, { GrammarFamily, PLURAL, VERB });
})((globalThis.metatrans ??= {}));
