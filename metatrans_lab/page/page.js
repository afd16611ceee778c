// The page: its tabs, and its start.

((metatrans) => {
  "use strict";

  const { at } = metatrans.dom;
  const TABS = ["translate", "watch", "puzzle"];

  function choose(name) {
    for (const tab of TABS) {
      const isChosen = tab === name;
      at(`tab-${tab}`).setAttribute("aria-selected", `${isChosen}`);
      at(`tab-${tab}`).tabIndex = isChosen ? 0 : -1;
      at(tab).hidden = !isChosen;
    }
    if (name === "watch") metatrans.watchView.open();
  }

  /** The arrow keys go from tab to tab. */
  function walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const shown = TABS.filter((tab) => !at(`tab-${tab}`).hidden);
    const here = shown.findIndex((tab) => event.target === at(`tab-${tab}`));
    const next = shown[(here + step + shown.length) % shown.length];
    at(`tab-${next}`).focus();
    choose(next);
  }

  for (const tab of TABS) {
    at(`tab-${tab}`).addEventListener("click", () => choose(tab));
    at(`tab-${tab}`).addEventListener("keydown", walk);
  }
  metatrans.translateView.start(metatrans.starts);
  metatrans.watchView.start();
  if (metatrans.puzzles?.length) metatrans.puzzleView.start();
  else at("tab-puzzle").hidden = true;
})((globalThis.metatrans ??= {}));
