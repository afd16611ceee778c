"""The page's HTML, in which all that was typed is escaped."""

from collections.abc import Sequence
from html import escape

from metatrans_lab.apps.printing import (
    LEAST,
    MAX_OTHERS,
    NEARLY,
    basis,
    by_others,
    how_sure,
    in_words,
    percent,
    told,
    words_of,
)
from metatrans_lab.exact.learned import Fact
from metatrans_lab.exact.translator import ExactTranslator, Translation
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD, Rule

STYLE = """
.mt-rules textarea { font-family: ui-monospace, monospace; line-height: 1.5; }
.mt { font-size: 1rem; line-height: 1.45; color: var(--body-text-color); }
.mt-answer { font-size: 1.6rem; font-weight: 650; overflow-wrap: anywhere; margin: 0.1rem 0 0.6rem;
  min-height: 2.3rem; }
.mt-word { display: grid; grid-template-columns: minmax(0, 9rem) minmax(4rem, 1fr) 4.2rem; gap: 0.1rem 0.7rem;
  align-items: center; margin-bottom: 0.45rem; }
.mt-word b { overflow-wrap: anywhere; font-weight: 600; }
.mt-bar { background: var(--border-color-primary); border-radius: 4px; height: 0.8rem; overflow: hidden; }
.mt-bar i { display: block; height: 100%; background: #2f8f5b; }
.mt-guess .mt-bar i { background: #c98a1b; }
.mt-wrong .mt-bar i { background: #c0392b; }
.mt-note { grid-column: 1 / -1; font-size: 0.86rem; opacity: 0.85; }
.mt-error { border-left: 4px solid #c0392b; padding: 0.5rem 0.8rem; overflow-wrap: anywhere; }
.mt-hint { border-left: 4px solid #2f6db3; padding: 0.4rem 0.8rem; overflow-wrap: anywhere; }
.mt-other { display: flex; justify-content: space-between; gap: 1rem; padding: 0.15rem 0; }
.mt-other span { font-variant-numeric: tabular-nums; }
.mt-sure { font-size: 0.95rem; font-weight: 400; opacity: 0.85; margin-left: 0.6rem; }
.mt-open { border-left: 4px solid #c98a1b; padding: 0.4rem 0.8rem; overflow-wrap: anywhere; margin-top: 0.5rem; }
.mt-facts { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
.mt-facts, .mt-facts :is(thead, tbody, tr) { border: none !important; }
.mt-facts td { border: none; border-bottom: 1px solid var(--border-color-primary); vertical-align: top;
  padding: 0.15rem 0.6rem 0.15rem 0; overflow-wrap: anywhere; }
.mt-facts th { border: none; text-align: left; font-weight: 600; padding: 0.15rem 0.6rem 0.15rem 0; }
.mt-facts caption { text-align: left; }
.mt-facts :is(td, th):last-child { text-align: right; white-space: nowrap; }
.mt svg { max-width: 100%; height: auto; }
@media (max-width: 640px) { textarea, input[type=text] { font-size: 16px !important; } button { min-height: 40px; } }
.mt svg text { fill: var(--body-text-color); font-size: 12px; }
"""


def message(text: str) -> str:
    """A box that says what is wrong or missing."""
    return f'<div class="mt mt-error" role="alert">{escape(text)}</div>'


def note(text: str) -> str:
    """A box with a sentence."""
    return f'<div class="mt mt-hint">{escape(text)}</div>'


def rules(pairs: list[tuple[str, str]]) -> str:
    """A list of rules that can't be edited."""
    lines = [f"<div><b>{escape(source)}</b> = {escape(target)}</div>" for source, target in pairs]
    return f'<div class="mt">{"".join(lines)}</div>'


def question(text: str) -> str:
    """The question of a round."""
    return f'<div class="mt">What is <b>{escape(text)}</b>?</div>'


def answer(translation: Translation, exact: ExactTranslator, rules: Sequence[Rule]) -> str:
    """A translation, what each of its words hangs on, and what else it may be."""
    one, settled, understanding = translation, translation.is_settled, exact.understanding
    changed_at = rules[understanding.changed].where if understanding.changed else None
    others = by_others([rules[number].where for number in understanding.left_out], changed_at, "rules")
    sure = how_sure(one.probability, one.is_settled, one.is_complete, one.is_exact, others, one.is_other_way)
    lines = []
    for word in translation.words:
        kind, note = "", ""
        if word.example is not None:
            note = f"{rules[word.example].where} has it first"
        elif word.source or word.target == UNKNOWN_WORD:
            kind, note = "mt-guess", "no rule translates it"
        source = word.source or "a particle"
        says = f"{escape(source)} → {escape(word.target)}" if word.target else escape(source)
        lines.append(f'<div class="mt-other {kind}"><b>{says}</b><span>{escape(note)}</span></div>')
    if one.told is not None:
        told = rules[one.told]
        says = f"{told.where}, left out, has it as"
        lines.append(f'<div class="mt-other"><b>{escape(says)}</b><span>{escape(told.target)}</span></div>')
    possible = [(text, probability) for text, probability in translation.others if probability >= LEAST]
    also = "".join(
        f'<div class="mt-other"><span>or {escape(text)}</span><span>{percent(p)}</span></div>'
        for text, p in possible[:MAX_OTHERS]
    )
    return (
        f'<div class="mt" aria-live="polite"><div class="mt-answer{" mt-settled" * settled}">'
        f'{escape(translation.text)}<span class="mt-sure">{sure}</span></div>{also}{"".join(lines)}</div>'
    )


def hint(translation: Translation) -> str:
    """What would tell most, where something is open."""
    if translation.is_other_way:
        text = "Its words stand on the other side of the rules: switch “the other way” on, or off."
    elif translation.unknown:
        text = f"Add a rule with “{translation.unknown[0]}”: no rule shows it yet."
    elif translation.ask is not None and translation.probability < NEARLY:
        text = f"The rules leave this open. Most would tell a rule for “{translation.ask}”."
    else:
        return ""
    return f'<div class="mt mt-open">{escape(text)}</div>'


def places(rules: Sequence[Rule]) -> tuple[str, list[int]]:
    """What the place of a rule is called, line, or rule where they are JSON; and the number of each."""
    words = [rule.where.split(" ") for rule in rules]
    return words[0][0], [int(number) for _, number in words]


def notes(exact: ExactTranslator, rules: Sequence[Rule]) -> str:
    """How the rules are read, if not as they are written, and what doesn't fit, if something doesn't."""
    understanding = exact.understanding
    found = [f"Read so that {exact.read_as}."] if exact.read_as else []
    if understanding.left_out:
        name, numbers = places(rules)
        numbers = [numbers[number] for number in understanding.left_out]
        which = f"{name} {numbers[0]} is" if len(numbers) == 1 else f"{name}s {in_words(numbers)} are"
        found.append(f"What is in {which} left out: no language that is known here has it beside the others.")
    if understanding.changed:
        found.append(f"The rules changed at {rules[understanding.changed].where}; those before it are left out.")
    if not understanding.belief.is_exact:
        found.append("Too much is possible to weigh it all: these are the odds among what is most probable.")
    return "".join(f'<div class="mt mt-open" role="status">{escape(text)}</div>' for text in found)


def model(says: dict | str, translation: Translation) -> str:
    """What the model says beside the exact answer, or why it can't."""
    if isinstance(says, str):
        return f'<div class="mt mt-note">The model can’t say: {escape(says[:1].lower() + says[1:])}</div>'
    text = says["translation_text"]
    # How sure it is of what the rules leave open would only mislead.
    sure = f": {percent(min(word['probability'] for word in says['words']))}" if translation.is_settled else ""
    if words_of(text) == words_of(translation.text):
        return f'<div class="mt mt-note">The model, {escape(says["name"])}, says the same{sure}.</div>'
    wrong = ", which the rules rule out" if translation.is_settled else ""
    name = escape(says["name"])
    return f'<div class="mt mt-note mt-differs">The model, {name}, says “{escape(text)}”{sure}{wrong}.</div>'


def skipped(unread: Sequence[str]) -> str:
    """The lines that are no rules, and why."""
    return "".join(f'<div class="mt mt-open" role="status">Not read: {escape(one)}.</div>' for one in unread)


def facts(found: Sequence[Fact], exact: ExactTranslator, rules: Sequence[Rule]) -> str:
    """A table of what was learned: each fact that is likely, with its probability and the rule that settled it."""
    understanding, names = exact.understanding, exact.sides.source.written
    name, numbers = places(rules)
    changed_at = numbers[understanding.changed] if understanding.changed else None
    by = basis([numbers[n] for n in understanding.left_out], changed_at, understanding.belief.is_exact, name)
    lines = ["<tr><th>of</th><th>it is</th><th>settled by</th></tr>"]
    for fact in found:
        if fact.is_likely:
            head, values = told(fact, names, by_all=not by)
            line = "" if fact.settled_by is None else escape(rules[fact.settled_by].where)
            lines.append(f"<tr><td>{escape(head)}</td><td>{escape(', '.join(values))}</td><td>{line}</td></tr>")
    caption = f"<caption>{escape(by[:1].upper() + by[1:])}</caption>" if by else ""
    return f'<div class="mt"><table class="mt-facts">{caption}{"".join(lines)}</table></div>'


def shots(shots: list[list[dict]], places: list[str]) -> str:
    """A plot (SVG) of the model's probability of each rule's translation before it read it, and of the optimum's.

    Args:
        shots: as of `TranslatorSession.shots`.
        places: the line of each rule.
    """
    width, height, left, bottom = 460, 190, 44, 34
    top, right = 14, 12
    number = len(shots)

    def x(i: int) -> float:
        return left + (width - left - right) * ((i + 0.5) / number)

    def y(p: float) -> float:
        return top + (height - top - bottom) * (1 - p)

    def curve(key: str) -> list[tuple[float, float]]:
        return [(x(i), y(sum(word[key] for word in shot) / len(shot))) for i, shot in enumerate(shots)]

    lines = []
    for level in (0, 0.5, 1):
        lines.append(
            f'<line x1="{left}" x2="{width - right}" y1="{y(level):.1f}" y2="{y(level):.1f}" '
            f'stroke="currentColor" opacity="0.2"/><text x="{left - 6}" y="{y(level) + 4:.1f}" '
            f'text-anchor="end">{level:.0%}</text>'
        )
    for key, colour, dash in (("optimum", "#888888", "5 4"), ("probability", "#d9730d", "none")):
        points = curve(key)
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        lines.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        lines += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points]
    every = max(1, number // 12)
    lines += [
        f'<text x="{x(i):.1f}" y="{height - bottom + 16}" text-anchor="middle">{escape(places[i])}</text>'
        for i in range(0, number, every)
    ]
    lines.append(f'<text x="{(left + width) / 2:.0f}" y="{height - 3}" text-anchor="middle">line</text>')
    return (
        '<div class="mt"><b>How sure the model was of each rule’s translation, before it read it</b>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="probability of the right words, by line">'
        f"{''.join(lines)}</svg><div class='mt-note'><span style='color:#d9730d'>●</span> the model &nbsp; "
        "<span style='color:#888888'>●</span> the best possible</div></div>"
    )
