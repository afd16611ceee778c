"""The workshop: a small model that is trained while one watches, with the post's two plots drawn live."""

import base64
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from dataset_script.predictor import levels
from metatrans_lab.apps.demo import drawing
from metatrans_lab.config.keys import Stage, TrainingConfig
from metatrans_lab.evaluation.figures import evaluate
from metatrans_lab.report.plots import plot_loss, plot_shots
from metatrans_lab.training.parts import step_in_parts
from metatrans_lab.training.prepare import prepare

MAX_RUNS = 2
"""The most models that are trained at once, for all visitors together."""

NUM_STEPS, BATCH_SIZE = 600, 32
DRAW_EVERY = 1.0  # seconds
PATIENCE = 20.0  # seconds to wait until an earlier watcher of the same run has left
EVAL_EPISODES = 128


def recipe(words: int, length: int, pairs: int, width: int, curriculum: bool) -> TrainingConfig:
    """The default recipe with a narrower model, for other languages.

    Args:
        words, length, pairs: L = R, T and K. width: H. curriculum: whether shorter sentences come first.
    """
    language = {
        "num_pairs": pairs,
        "num_source_words": words,
        "num_target_words": words,
        "sentence_length": length,
        # Of few words there are few lexicons to hold out.
        "held_out_languages": {2: 0.0, 3: 0.0, 4: 0.3, 5: 0.2}.get(words, 0.1),
    }
    mixed = {"num_active_words": [1, words]} if words > 1 else {}
    shorter = [
        Stage([{"sentence_length": n}, {"sentence_length": n} | mixed], until_accuracy=0.85, replay=0.3 * (n > 1))
        for n in range(1, length)
    ]
    return TrainingConfig(
        name="workshop",
        language=language,
        loss_on="targets",
        model={
            "model_type": "metalstm",
            "layer_types": ["lstm", "mlstm_example", "mlstm"],
            "embedding_size": 32,
            "lstm_size": 64,
            "hidden_size": width,
            "num_heads": 4,
            "max_place_offset": 32,
            "initialization": "metalstm",
        },
        curriculum=[*(shorter if curriculum else []), Stage([{}, mixed], replay=0.2 * bool(shorter and curriculum))],
        num_steps=NUM_STEPS,
        batch_size=BATCH_SIZE,
        optimizer="muon",
        muon_learning_rate=0.03,
        muon_momentum=0.9,
        learning_rate=1e-2,
        adam_betas=[0.9, 0.98],
        warmup_steps=20,
        decay_steps=NUM_STEPS // 4,
        max_grad_norm=1.0,
    )


class LiveRun:
    """A run that is trained for as long as somebody watches."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config, self.language = config, config.language_config()
        self.training = prepare(config, num_threads=1, cpu=True)
        self.seconds, self.paused = 0.0, True
        self.watched = threading.Lock()
        self.log: list[dict] = []
        self.results: dict = {}  # of the last evaluation, as of `evaluate`

    @property
    def step(self) -> int:
        """The number of steps done."""
        return self.training.num_done

    def train(self, seconds: float) -> None:
        """Trains for about so many seconds, and evaluates."""
        start, training, loss_on = time.perf_counter(), self.training, self.config.loss_on
        while self.step < self.config.num_steps and time.perf_counter() - start < seconds and not self.paused:
            measures = training.step(step_in_parts)
            assert measures is not None  # the recipe has them read after every step
            self.log.append({"step": self.step, "stage": training.curriculum.stage, "loss": measures["loss"]})
        model = training.plain_model
        self.results = evaluate(model, self.language, "validation", EVAL_EPISODES, loss_on, exact_match=False)
        self.log.append({"step": self.step, "eval_loss": self.results["loss"]})
        self.seconds += time.perf_counter() - start

    def pictures(self) -> tuple[bytes, bytes]:
        """Both plots as PNG: the loss over steps, and how fast a language is learned."""
        with tempfile.TemporaryDirectory() as folder:
            loss, shots = Path(folder) / "loss.png", Path(folder) / "shots.png"
            plot_loss(loss, self.log, self.language, self.config.loss_on)
            plot_shots(shots, self.results, self.language, self.config.loss_on)
            return loss.read_bytes(), shots.read_bytes()

    def phase(self) -> str:
        """The lowest of the computed levels that the loss has reached, in words."""
        known = sorted(levels(self.language, self.config.loss_on).items(), key=lambda item: -item[1])
        loss = self.results["loss"]
        passed = [name for name, level in known if loss <= level + 0.02]
        return f"at the level “{passed[-1]}”" if passed else "above all levels"

    def status(self) -> str:
        """How far the run is, and its figures, in words."""
        results, curriculum = self.results, self.training.curriculum
        done = self.step >= self.config.num_steps
        return (
            f"{'Done: s' if done else 'Paused: s' if self.paused else 'S'}tep {self.step} of {self.config.num_steps}, "
            f"stage {curriculum.stage + 1} of {len(curriculum.stages)}, {self.seconds:.0f} s. "
            f"Loss {results['loss']:.3f}, {self.phase()}; regret {results['target_regret']:.3f} nats a word; "
            f"{results['determined_accuracy']:.1%} of the words that were shown before are right."
        )


_places = threading.BoundedSemaphore(MAX_RUNS)


def watch(run: LiveRun, began: Callable[[], None] = lambda: None) -> Iterator[tuple[str, str, str]]:
    """Trains, and every second or so yields what is to be shown: the status and both plots, as HTML.

    Args:
        began: called once the run is being trained.
    """
    run.paused = True  # for whoever still watches it
    if not run.watched.acquire(timeout=PATIENCE):
        yield drawing.message("This model is busy; try again in a moment."), "", ""
        return
    try:
        if not _places.acquire(blocking=False):
            yield drawing.message(f"{MAX_RUNS} models are learning already; try again in a minute."), "", ""
            return
        try:
            run.paused = False
            began()
            while True:
                run.train(DRAW_EVERY)
                over, (loss, shots) = run.paused or run.step >= run.config.num_steps, run.pictures()
                yield drawing.note(run.status()), _image(loss, "the loss over steps"), _image(shots, "by shot")
                if over:  # which has now been shown
                    return
        finally:
            run.paused = True
            _places.release()
    finally:
        run.watched.release()


def _image(data: bytes, text: str) -> str:
    return f'<img alt="{text}" style="max-width:100%" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def build_tab() -> None:
    """Builds the workshop's tab, within a page."""
    gr.Markdown(
        "A small LSTM with two memories that begins from nothing, here and now. What if there are more words? Longer "
        "sentences? Fewer than six words, of which there are so few languages that it learns them by heart? No "
        "curriculum from short sentences to long ones? The dashed lines are where a model rests that knows nothing, "
        "how frequent words are, which kind of token comes, or all that can be known."
    )
    with gr.Row():
        words = gr.Slider(2, 10, 6, step=1, label="L: words", elem_id="knob-words")
        length = gr.Slider(1, 4, 2, step=1, label="T: words a sentence", elem_id="knob-length")
        pairs = gr.Slider(2, 20, 8, step=1, label="K: pairs an episode", elem_id="knob-pairs")
        width = gr.Dropdown([32, 64, 128], value=64, label="units a layer", elem_id="knob-width")
        curriculum = gr.Checkbox(True, label="curriculum", elem_id="knob-curriculum")
    with gr.Row():
        begin = gr.Button("Start anew", variant="primary", elem_id="begin")
        pause = gr.Button("Pause", elem_id="pause")
        go_on = gr.Button("Go on", elem_id="go-on")
    status, loss, shots = gr.HTML(elem_id="status"), gr.HTML(elem_id="loss"), gr.HTML(elem_id="shots")
    bench = gr.State(None)  # a visitor's run, or None

    def start(run: LiveRun | None, *knobs: Any) -> Iterator[tuple[LiveRun | None, str, str, str]]:
        if run is not None:
            run.paused = True
        # The old run stays on the bench until the new one has found room.
        new, there = LiveRun(recipe(*knobs)), [run]
        for shown in watch(new, lambda: there.__setitem__(0, new)):
            yield there[0], *shown

    def stop(run: LiveRun | None) -> None:
        if run is not None:
            run.paused = True

    def resume(run: LiveRun | None) -> Iterator[tuple[str, str, str]]:
        if run is None:
            yield drawing.message("Nothing is on the bench yet; start a model first."), "", ""
        elif run.paused:
            yield from watch(run)

    live = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    live |= {"trigger_mode": "multiple"}
    begin.click(start, [bench, words, length, pairs, width, curriculum], [bench, status, loss, shots], **live)
    pause.click(stop, bench, None, queue=False, api_visibility="private")
    go_on.click(resume, bench, [status, loss, shots], **live)
