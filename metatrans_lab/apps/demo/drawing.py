"""The page's HTML, in which all that was typed is escaped."""

from html import escape

from modeling_metalstm.pipeline_metalstm import UNKNOWN_WORD

STYLE = """
.mt-rules { counter-reset: rule; gap: 0.5rem; }
.mt-rule { counter-increment: rule; flex-wrap: nowrap; align-items: center; gap: 0.4rem; }
.mt-rule textarea { field-sizing: content; height: auto !important; }
.mt-rule::before { content: counter(rule); width: 1.4rem; flex: none; text-align: right; opacity: 0.65;
  font-variant-numeric: tabular-nums; }
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
.mt svg { max-width: 100%; height: auto; }
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


def answer(result: dict, row_of: list[int]) -> str:
    """A translation, and a bar for each word.

    Args:
        row_of: the page's row of each example.
    """
    words = [_word(word, row_of) for word in result["words"]]
    return (
        f'<div class="mt" aria-live="polite"><div class="mt-answer">{escape(result["translation_text"])}</div>'
        f"{''.join(words)}</div>"
    )


def _word(word: dict, row_of: list[int]) -> str:
    """A word's translation, the bar of its probability, and a note on where it comes from."""
    row = row_of[word["example"] - 1] if word["example"] else None
    if word["guess"]:
        kind, note = "mt-guess", "a guess: no rule translates it"
    elif word["taught"] != word["target"]:
        kind, note = "mt-wrong", f"but rule {row} says {word['taught']}"
    else:
        kind, note = "", f"settled by rule {row}"
    percent, filled = f"{word['probability']:.1%}", 100 * word["probability"]
    if word["target"] == UNKNOWN_WORD and word["taught"] != UNKNOWN_WORD:
        # A word without a name is known to be none of the user's words; the probability of that says nothing of it.
        percent, filled, note = "–", 0.0, f"{note}; none of your words fits"
    return (
        f'<div class="mt-word {kind}"><b>{escape(word["source"])} → {escape(word["target"])}</b>'
        f'<div class="mt-bar"><i style="width:{filled:.2f}%"></i></div><span>{percent}</span>'
        f'<div class="mt-note">{escape(note)}</div></div>'
    )


def hint(result: dict) -> str:
    """A hint which rule would help most: one with the word that is known least."""
    guesses = [word for word in result["words"] if word["guess"]]
    weakest = min(result["words"], key=lambda word: word["probability"])
    if guesses:
        text = f"Add a rule with “{guesses[0]['source']}”: no rule shows it yet."
    elif weakest["probability"] < 0.99:
        text = f"Least known is “{weakest['source']}” ({weakest['probability']:.0%}): another rule with it would help."
    else:
        text = "It knows every word of your question. Ask for another, or add a rule with a new word."
    return f'<div class="mt mt-hint">{escape(text)}</div>'


def shots(shots: list[list[dict]], row_of: list[int]) -> str:
    """A plot (SVG) of the model's probability of each rule's translation before it read it, and of the optimum's.

    Args:
        shots: as of `TranslatorSession.shots`.
        row_of: the page's row of each rule.
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
        f'<text x="{x(i):.1f}" y="{height - bottom + 16}" text-anchor="middle">{row_of[i]}</text>'
        for i in range(0, number, every)
    ]
    lines.append(f'<text x="{(left + width) / 2:.0f}" y="{height - 3}" text-anchor="middle">rule</text>')
    return (
        '<div class="mt"><b>How sure it was of each rule’s translation, before it read it</b>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="probability of the right words, by rule">'
        f"{''.join(lines)}</svg><div class='mt-note'><span style='color:#d9730d'>●</span> the model &nbsp; "
        "<span style='color:#888888'>●</span> the best possible</div></div>"
    )
