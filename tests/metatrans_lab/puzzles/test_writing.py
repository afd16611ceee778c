import json
import re
from dataclasses import replace

from metatrans_lab import __version__
from metatrans_lab.puzzles.levels import Wanted
from metatrans_lab.puzzles.page import html
from metatrans_lab.puzzles.writing import made_by, markdown, premises, text_of


def test_json_has_everything(made):
    puzzle = made(3)
    value = json.loads(text_of([puzzle], "json"))
    assert value["version"] == __version__ and value["level"] == 3 and value["seed"] == "7"
    assert value["phenomena"] == list(puzzle.language.phenomena) and value["sounds"] == puzzle.sounds
    assert [(one["source"], one["target"]) for one in value["examples"]] == list(puzzle.examples)
    assert [one["answer"] for one in value["questions"]] == [q.answer for q in puzzle.questions]
    assert all(one["probability"] == 1 for one in value["questions"])
    assert len(value["reasoning"]) == len(value["questions"]) and value["hints"]
    numbers = [number for steps in value["reasoning"] for step in steps for number in step["examples"]]
    assert min(numbers) == 1 and max(numbers) == len(puzzle.examples)
    assert len(json.loads(text_of([puzzle, puzzle], "json"))) == 2


def test_a_data_set_has_a_question_a_row(made):
    puzzle = made(2)
    rows = [json.loads(line) for line in text_of([puzzle], "jsonl").splitlines()]
    assert [row["answer"] for row in rows] == [q.answer for q in puzzle.questions]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert all(premise in row["prompt"] for premise in premises(puzzle)) and row["probability"] == 1.0
        assert row["prompt"].endswith(f"\n{row['question']} =") and row["answer"] not in row["prompt"]
        sides = [" = ".join(pair if row["direction"] == "into" else pair[::-1]) for pair in row["examples"]]
        assert "\n".join(sides) in row["prompt"]


def test_markdown_has_the_key_folded(made):
    puzzle = made(2)
    text = markdown(puzzle)
    shown = text[: text.index("<summary>Key")]
    assert all(f"| {source} | {target} |" in shown for source, target in puzzle.examples)
    assert all(q.text in shown and q.answer not in shown for q in puzzle.questions)
    assert all(f"**{q.answer}**" in text for q in puzzle.questions)
    assert "`metatrans puzzle --level 2 --seed 7`" in text


def test_what_makes_a_puzzle_again_has_what_was_changed(made):
    wanted = Wanted(2, "my seed's", ("verbs",), 8, 5, "CV")
    command = made_by(replace(made(2), wanted=wanted))
    assert command == (
        'metatrans puzzle --level 2 --seed "my seed\'s" --phenomena verbs --words 8 --examples 5 --sounds CV'
    )


def test_a_page_stands_alone_and_has_the_keys_at_its_end(made):
    puzzles = [made(1), made(2)]
    page = html(puzzles)
    assert not re.search(r"(src|href)=|https?:|@import|url\(", page)
    heads = re.findall(r"<h1>(.*?)</h1>", page)
    names = [puzzle.name for puzzle in puzzles]
    assert heads == [*names, *(f"{name}: key" for name in names)]
    for puzzle in puzzles:
        assert all(page.index(q.answer) > page.index(f"{puzzles[0].name}: key") for q in puzzle.questions)
    assert page.count("<section>") == page.count("</section>") == 4


def test_what_is_written_is_escaped(made):
    puzzle = made(2)
    lexicon = {unit: f"<b>&{word}" for unit, word in puzzle.language.invented.lexicon.items()}
    invented = replace(puzzle.language.invented, lexicon=lexicon)
    wanted = replace(puzzle.wanted, seed="<script>")
    odd = replace(puzzle, name="<i>", wanted=wanted, language=replace(puzzle.language, invented=invented))
    page = html([odd])
    assert "<b>" not in page and "<i>" not in page and "<script>" not in page and "&lt;b&gt;&amp;" in page
