"""The page, in Gradio."""

import os
import random
import threading

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read at import

import gradio as gr
import torch

from metatrans_lab.apps.asked import Asked
from metatrans_lab.apps.demo import drawing, workshop
from metatrans_lab.apps.demo.answers import MAX_CHARACTERS, MAX_RULES_CHARACTERS, Answers, Game
from metatrans_lab.apps.demo.ready_made import READY_MADE, Start, make_language
from metatrans_lab.errors import UserError
from metatrans_lab.models.load import load_translator
from metatrans_lab.report.cards import called
from modeling_metalstm import TranslationError

MAX_UNDONE = 50
"""How many times a visitor's rules can be brought back."""

_answering = threading.BoundedSemaphore(4)  # more at once would only wait for the cores

INTRODUCTION = """\
# metatrans: your own rules

Write sentences and their translations, in a language that you make up, one a line. Words may change places, and have
articles, particles and affixes (`cat-s = neko-ra`).
"""

EXPLANATION = """\
The answer is exact: each language that explains your rules has its part in it. Beside it stands what {kind} says, that
has never seen your language and learns it while reading.
"""


def build(asked: Asked) -> gr.Blocks:
    """The page, with the model that is asked."""
    with gr.Blocks(title="metatrans", analytics_enabled=False) as page:
        kind = called(asked.models[asked.name].config.model_type)
        gr.Markdown(INTRODUCTION)
        with gr.Tab("Translate"):
            _translate_tab(page, asked)
            gr.Markdown(EXPLANATION.format(kind=kind))
        with gr.Tab("Play"):
            _play_tab(page, asked)
        with gr.Tab("Workshop"):
            workshop.build_tab()
    return page


def _translate_tab(page: gr.Blocks, asked: Asked) -> None:
    answers, first = Answers(asked), next(iter(READY_MADE.values()))
    with gr.Row():
        with gr.Column(min_width=320):
            starts = gr.Dropdown(list(READY_MADE), label="Start from", value=None, elem_id="starts")
            rules = gr.Textbox(
                as_lines(first.rules),
                label="Rules, one a line",
                placeholder="red = dax\nblue red = wif dax",
                lines=5,
                max_lines=30,
                max_length=MAX_RULES_CHARACTERS,
                elem_id="rules",
                elem_classes="mt-rules",
            )
            with gr.Row():
                make = gr.Button("Make me a language", elem_id="make", size="sm", min_width=120)
                undo = gr.Button("Bring back what I had", elem_id="undo", size="sm", min_width=120)
        with gr.Column(min_width=320):
            question = gr.Textbox(
                first.question, label="Translate", max_length=MAX_CHARACTERS, elem_id="question", autofocus=True
            )
            reverse = gr.Checkbox(False, label="The other way: from your words", elem_id="reverse")
            answered, hinted = gr.HTML(elem_id="answer"), gr.HTML(elem_id="hint")
            with gr.Accordion("What I learned from you", open=False, elem_id="facts"):
                facts = gr.HTML()
            curve = gr.HTML(elem_id="curve")
    kept = gr.BrowserState([as_lines(first.rules), first.question], storage_key="metatrans-rules")
    before: gr.State = gr.State([])  # what other rules took the place of, the last at the end
    fields, outputs = [rules, question, reverse], [answered, hinted, facts, curve]

    # Callbacks return the new values of their outputs.

    def reply(text: str | None, asked: str | None, back: bool) -> tuple[str, str, str, str, list]:
        with _answering:
            return (*answers(text, asked, bool(back)), [text, asked])

    def begin(start: Start, text: str, asked: str, had: list) -> tuple[str, str, list, bool]:
        return as_lines(start.rules), start.question, [*had, (text, asked)][-MAX_UNDONE:], False

    def bring_back(text: str, asked: str, had: list) -> tuple[str, str, list]:
        # What stands there goes behind all that was before: nothing that was typed is lost.
        return (*had[-1], [(text, asked), *had[:-1]]) if had else (text, asked, had)

    quiet = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    respond = {"fn": reply, "inputs": fields, "outputs": [*outputs, kept], **quiet}
    # On `change`: Gradio raises no `input` when a letter is deleted.
    gr.on([field.change for field in fields], **respond, trigger_mode="always_last")
    page.load(lambda stored: stored, kept, [rules, question], **quiet).then(**respond)
    state = [rules, question, before]
    begun = [*state, reverse]  # a language's question is one for its own direction
    starts.select(lambda name, *now: begin(READY_MADE[name], *now), [starts, *state], begun, **quiet)
    make.click(lambda *now: begin(make_language(random.Random())[0], *now), state, begun, **quiet)
    undo.click(bring_back, state, state, **quiet)


def as_lines(rules: list[tuple[str, str]]) -> str:
    """Rules as they are typed."""
    return "\n".join(f"{source} = {target}" for source, target in rules)


def _play_tab(page: gr.Blocks, asked: Asked) -> None:
    gr.Markdown("The same rules, the same question, one answer that they allow: who finds it, you or the model?")
    game = gr.State(None)
    rules, question = gr.HTML(elem_id="game-rules"), gr.HTML(elem_id="game-question")
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
            return game, drawing.note(game.play(asked, text))
        except TranslationError as error:
            return game, drawing.message(str(error))

    quiet = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    outputs = [game, rules, question, said, verdict]
    another.click(deal, game, outputs, **quiet)
    gr.on([check.click, said.submit], play, [game, said], [game, verdict], **quiet)
    page.load(deal, game, outputs, **quiet)


def launch(name: str, host: str, port: int, browser: bool) -> None:
    """Serves the page until it is stopped.

    Raises:
        UserError: no such model, or an address that can't be listened on.
    """
    torch.set_num_threads(1)  # several people's answers, side by side
    page = build(Asked(name, model=load_translator(name)))
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
