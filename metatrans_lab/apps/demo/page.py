"""The page, in Gradio."""

import os
import random
import threading
from functools import partial

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read at import

import gradio as gr
import torch
from transformers import PreTrainedModel

from metatrans_lab.apps.demo import drawing, workshop
from metatrans_lab.apps.demo.answers import MAX_CHARACTERS, Game, answer
from metatrans_lab.apps.demo.ready_made import READY_MADE, Start, make_language
from metatrans_lab.errors import UserError
from metatrans_lab.models.load import load_translator
from metatrans_lab.report.cards import called
from modeling_metalstm import TranslationError

NUM_ROWS = 16

_answering = threading.BoundedSemaphore(4)  # more at once would only wait for the cores

INTRODUCTION = """\
# metatrans: propose your own rules

Write sentences and their translations, in words that you make up, word for word at the same place. {kind} that has
never seen your language reads the rules, learns it while reading, and translates the next sentence.
"""


def build(model: PreTrainedModel) -> gr.Blocks:
    """The page, for a loaded model."""
    with gr.Blocks(title="metatrans", analytics_enabled=False) as page:
        kind = called(model.config.model_type)
        gr.Markdown(INTRODUCTION.format(kind=f"{kind[0].upper()}{kind[1:]}"))
        with gr.Tab("Translate"):
            _translate_tab(page, model)
        with gr.Tab("Play"):
            _play_tab(page, model)
        with gr.Tab("Workshop"):
            workshop.build_tab()
    return page


def _translate_tab(page: gr.Blocks, model: PreTrainedModel) -> None:
    first = next(iter(READY_MADE.values()))
    with gr.Row():
        with gr.Column(min_width=320, elem_classes="mt-rules"):
            starts = gr.Dropdown(list(READY_MADE), label="Start from", value=next(iter(READY_MADE)), elem_id="starts")
            rows, sources, targets, removers = [], [], [], []
            for row in range(NUM_ROWS):
                source, target = first.rules[row] if row < len(first.rules) else ("", "")
                with gr.Row(visible=row < len(first.rules), elem_classes="mt-rule") as line:
                    field = partial(gr.Textbox, show_label=False, container=False, max_length=MAX_CHARACTERS)
                    sources.append(
                        field(
                            source, placeholder=f"rule {row + 1}", elem_id=f"source-{row + 1}", min_width=90, scale=4
                        )
                    )
                    targets.append(
                        field(target, placeholder="in your words", elem_id=f"target-{row + 1}", min_width=90, scale=4)
                    )
                    removers.append(gr.Button("✕", size="sm", min_width=36, scale=0, elem_id=f"remove-{row + 1}"))
                rows.append(line)
            with gr.Row():
                add = gr.Button("Add a rule", elem_id="add", size="sm")
                make = gr.Button("Make me a language", elem_id="make", size="sm")
        with gr.Column(min_width=320):
            question = gr.Textbox(
                first.question, label="Translate", max_length=MAX_CHARACTERS, elem_id="question", autofocus=True
            )
            answered = gr.HTML(elem_id="answer")
            hinted = gr.HTML(elem_id="hint")
            curve = gr.HTML(elem_id="curve")
    shown = gr.State(len(first.rules))
    fields, outputs = [question, *sources, *targets], [answered, hinted, curve]

    # Callbacks return the new values of their outputs. `columns` are all sources, then all targets.

    def reply(question: str | None, *columns: str | None) -> tuple[str, str, str]:
        with _answering:
            return answer(model, question, columns[:NUM_ROWS], columns[NUM_ROWS:])

    def lay_out(rules: list[tuple[str, str]], number: int) -> list:
        """The number of rows, the values of all their fields, and which rows are visible."""
        padded = [*rules, *[("", "")] * (NUM_ROWS - len(rules))]
        seen = [gr.update(visible=row < number) for row in range(NUM_ROWS)]
        return [number, *(source for source, _ in padded), *(target for _, target in padded), *seen]

    def begin(start: Start) -> list:
        return [start.question, *lay_out(start.rules, len(start.rules))]

    def remove(row: int, number: int, *columns: str) -> list:
        rules = list(zip(columns[:NUM_ROWS], columns[NUM_ROWS:], strict=True))
        del rules[row]
        return lay_out(rules, max(number - 1, 1))

    def more(number: int) -> list:
        number = min(number + 1, NUM_ROWS)
        return [number, *(gr.update(visible=row < number) for row in range(NUM_ROWS))]

    def next_row(row: int, number: int) -> list:
        return more(max(number, row + 2) - 1)

    quiet = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    respond = {"fn": reply, "inputs": fields, "outputs": outputs, **quiet}
    # On `change`: Gradio raises no `input` when a letter is deleted.
    gr.on([field.change for field in fields], **respond, trigger_mode="always_last")
    page.load(**respond)
    everything = [shown, *sources, *targets, *rows]
    starts.input(lambda name: begin(READY_MADE[name]), starts, [question, *everything], **quiet)
    make.click(lambda: begin(make_language(random.Random())[0]), None, [question, *everything], **quiet)
    add.click(more, shown, [shown, *rows], **quiet)
    for row, button in enumerate(removers):
        button.click(partial(remove, row), [shown, *sources, *targets], everything, **quiet)
    for row, target in enumerate(targets[:-1]):
        # Enter goes on to the next rule.
        js = f"() => setTimeout(() => document.querySelector('#source-{row + 2} textarea')?.focus(), 50)"
        opened = target.submit(partial(next_row, row), shown, [shown, *rows], **quiet)
        opened.then(None, js=js)


def _play_tab(page: gr.Blocks, model: PreTrainedModel) -> None:
    gr.Markdown("The same rules, the same question: who is right, you or the model?")
    game = gr.State(None)
    rules, asked = gr.HTML(elem_id="game-rules"), gr.HTML(elem_id="game-question")
    said = gr.Textbox(label="Your answer", elem_id="game-answer", max_length=MAX_CHARACTERS)
    with gr.Row():
        check, another = (
            gr.Button("Check", variant="primary", elem_id="check"),
            gr.Button("Another", elem_id="another"),
        )
    verdict = gr.HTML(elem_id="verdict")

    def deal(game: Game | None) -> tuple[Game, str, str, str, str]:
        if game is None:
            game = Game()
        else:
            game.deal()
        return game, drawing.rules(game.start.rules), drawing.question(game.start.question), "", ""

    def play(game: Game, text: str) -> tuple[Game, str]:
        try:
            return game, drawing.note(game.play(model, text))
        except TranslationError as error:
            return game, drawing.message(str(error))

    quiet = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    outputs = [game, rules, asked, said, verdict]
    another.click(deal, game, outputs, **quiet)
    gr.on([check.click, said.submit], play, [game, said], [game, verdict], **quiet)
    page.load(deal, game, outputs, **quiet)


def launch(name: str, host: str, port: int, browser: bool) -> None:
    """Serves the page until it is stopped.

    Raises:
        UserError: no such model, or an address that can't be listened on.
    """
    torch.set_num_threads(1)  # several people's answers, side by side
    page = build(load_translator(name))
    try:
        page.launch(
            server_name=host,
            server_port=port,
            inbrowser=browser,
            share=False,
            css=drawing.STYLE,
            theme=theme(),
            footer_links=[],
        )
    except OSError as error:
        raise UserError(f"can't listen on {host}:{port}; another program may, so try another --port") from error


def theme() -> gr.themes.Base:
    """Gradio's theme with fonts of the reader's machine, so that none is downloaded."""
    return gr.themes.Soft(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], primary_hue="blue"
    )
