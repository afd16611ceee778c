"""The model card of a run: what the model does, how to use it, how good it is, and how that was measured."""

import textwrap

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml
from transformers import CONFIG_MAPPING

import modeling_metalstm  # noqa: F401  (registers model_type "metalstm")
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.evaluation.structures import SEEN

FIGURES = {"target_regret": "regret, nats per target word", "determined_accuracy": "accuracy on determined words"}
"""What the Hub is told, by the keys of results.json, and their titles there."""

CARD = """---
{front}
---
# {name}

It translates a made-up language by the examples it is shown: {kind}, metatrained on endless made-up languages by
metatrans. The idea is from Volodymyr Kyrylov's post
[Meta Sequence Transducer](https://proger.github.io/posts/meta/transducer.html).

{use}
{room}

## How good it is

On {episodes:,} episodes{unseen} (K={K} pairs, T={T} words a sentence), seed {seed}, against the best possible
predictor:

| | model | 95% interval | Bayes optimum |
|---|---|---|---|
| nats per target word | {nll:.5f} | {nll_interval} | {floor:.5f} |
| regret, nats per target word | {regret:.5f} | {regret_interval} | 0 |
| accuracy on words shown before | {determined} | {determined_interval} | 1 |
| exact translations of last sentences, all words shown before | {exact} | {exact_interval} | 1 |
| exact translations of prompts as people type them | {ragged} | {ragged_interval} | 1 |

{groups}![nats per target word by shot, and probability by place](shots.png)
![loss over steps](loss.png)

## How it was made

{made}{data}

## What it can't do

{limits}
"""

ROOM = (
    "It has room for {language.num_source_words} source and {language.num_target_words} target words. "
    "{language.translates}; a word that no example shows is a guess."
)

LIMITS = (
    "{language.limits} It answers in the words of the examples, of which it takes at most {language.num_source_words} "
    "and {language.num_target_words}. It was trained on sentences of {shortest}–{longest} words; in longer ones it "
    "loses its place sooner or later, however sure it is of itself."
)

ON_TARGETS = (
    " It was trained without source words (`loss_on: targets`): what it says of them means nothing, and their "
    "`labels` must be -100."
)

MADE = (
    "{steps:,} steps, {seen:,} episodes, {seconds:.0f} s on {device}{labels}. `training_config.yaml` has every "
    "setting, `results.json` every figure, with the versions it was made with."
)

SOFT_LABELS = ", by soft labels (the exact predictor's probabilities of target words)"

DATA = """

Languages like these, each token with what it costs the best possible predictor, are in the data set
[{repository}](https://huggingface.co/datasets/{repository})."""

TRANSLATE = """```python
from transformers import pipeline

# model: this folder, or its repository on the Hub
translator = pipeline("in-context-translation", model="{name}", trust_remote_code=True)
translator("blue red", examples=[("red", "dax"), ("blue red", "wif dax")])
```
"""

TRANSLATE_WITH_METATRANS = """```python
import modeling_metalstm  # of the package metatrans: it brings the pipeline
from transformers import pipeline

# model: this folder, or its repository on the Hub
translator = pipeline("in-context-translation", model="{name}")
translator("blue red", examples=[("red", "dax"), ("blue red", "wif dax")])
```
"""


GROUPS = """By what tokens hang on: accuracy on determined tokens, on all tokens, and the best that is possible{seen}:

| hangs on | regret | determined | accuracy | best |{more}
|---|--:|--:|--:|--:|{rule}
{rows}

"""


def shown(figure: float | None, digits: int = 5) -> str:
    """A figure as text; "–" if there was nothing to measure."""
    return "–" if figure is None else f"{figure:.{digits}f}"


def _interval(results: dict, name: str) -> str:
    """A figure's 95% interval as text."""
    interval = results["intervals"].get(name)
    return "–" if interval is None else f"{interval[0]:.5f} … {interval[1]:.5f}"


def _groups(results: dict) -> str:
    """The table of figures by family and phenomenon; nothing where there is nothing to tell apart."""
    groups = results.get("groups")
    if not groups:
        return ""
    seen = results.get(SEEN, {}).get("groups")
    rows = []
    for name, of_group in groups.items():
        names = ("target_regret", "determined_accuracy", "accuracy", "bayes_accuracy")
        cells = [shown(of_group[figure]) for figure in names]
        if seen:
            cells += [shown(seen[name][figure]) for figure in names[:2]]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return GROUPS.format(
        seen="; at the right in structures that training had" if seen else "",
        more=" regret, seen | determined, seen |" if seen else "",
        rule="--:|--:|" if seen else "",
        rows="\n".join(rows),
    )


def called(model_type: str) -> str:
    """A model type in prose: "an LSTM", "a gpt2 model"."""
    return "an LSTM" if model_type == "metalstm" else f"a {model_type} model"


def _brings_code(model_type: str) -> bool:
    """Whether a model of this type is saved with its code, so that it loads where metatrans isn't installed."""
    return CONFIG_MAPPING[model_type]._auto_class is not None


def _measured_on(config: TrainingConfig) -> str:
    """Which episodes the figures are of."""
    return "languages never trained on" if config.language_config().held_out_languages else "fresh episodes"


def _front_matter(config: TrainingConfig, results: dict) -> str:
    """The YAML that the Hub reads, with the figures as a model index."""
    evaluations = [
        EvalResult(
            task_type="translation",
            task_name="in-context translation of made-up languages",
            dataset_type="metatrans",
            dataset_name=f"metatrans, {_measured_on(config)}",
            dataset_split="test",
            metric_type=name,
            metric_name=title,
            metric_value=round(results[name], 6),
        )
        for name, title in FIGURES.items()
        if results[name] is not None
    ]
    tags = ["metatrans", "metalearning", "in-context-learning"]
    model_type = config.model.get("model_type", "metalstm")
    tags += ["lstm"] * (model_type == "metalstm") + ["custom_code"] * _brings_code(model_type)
    return ModelCardData(
        license="apache-2.0",
        library_name="transformers",
        pipeline_tag="translation",
        datasets=[config.hub_dataset_id] if config.hub_dataset_id else None,
        tags=tags,
        model_name=config.name,
        eval_results=evaluations,
    ).to_yaml()


def evaluation_results(config: TrainingConfig, results: dict) -> str | None:
    """The YAML of `.eval_results/`, by which the Hub shows figures on the page of the model and of the data set.

    Its task ids are the keys of results.json. The format is that of huggingface_hub's `EvalResultEntry`:
    https://huggingface.co/docs/hub/eval-results

    Returns:
        None without `hub_dataset_id`: every entry must name a data set on the Hub.
    """
    if config.hub_dataset_id is None:
        return None
    notes = f"split test, {results['num_eval_episodes']} episodes, {_measured_on(config)}, seed {config.seed}"
    entries = [
        EvalResultEntry(dataset_id=config.hub_dataset_id, task_id=name, value=round(results[name], 6), notes=notes)
        for name in FIGURES
        if results[name] is not None
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False)


def model_card(config: TrainingConfig, results: dict) -> str:
    """The README.md of a run.

    Args:
        results: as results.json has them.
    """
    language = config.language_config()
    model_type = config.model.get("model_type", "metalstm")
    stages = [config.language_config(knobs) for stage in config.curriculum for knobs in stage.languages]
    lengths = [stage.length_range for stage in stages]
    shortest, longest = min(m for m, _ in lengths), max(M for _, M in lengths)
    names = {"nll": "target_nll", "regret": "target_regret", "determined": "determined_accuracy"}
    names |= {"exact": "exact_match", "ragged": "ragged_exact_match"}
    use = TRANSLATE if _brings_code(model_type) else TRANSLATE_WITH_METATRANS
    made = MADE.format(
        steps=results["steps"],
        seen=results["episodes_seen"],
        seconds=results["timing"]["train_seconds"],
        device=results["device"],
        labels=SOFT_LABELS if config.soft_labels else "",
    )
    limits = LIMITS.format(language=language, shortest=shortest, longest=longest)
    if config.loss_on == "targets":
        limits += ON_TARGETS
    return CARD.format(
        front=_front_matter(config, results),
        name=config.name,
        kind=called(model_type),
        use=use.format(name=config.name) if language.is_in_place else "",
        K=language.num_pairs,
        T="–".join(map(str, sorted(set(language.length_range)))),
        room=textwrap.fill(ROOM.format(language=language), 119),
        limits=textwrap.fill(limits, 119),
        seed=config.seed,
        episodes=results["num_eval_episodes"],
        unseen=" of languages never trained on" if language.held_out_languages else "",
        nll=results["target_nll"],
        regret=results["target_regret"],
        floor=results["target_bayes_nll"],
        groups=_groups(results),
        determined=shown(results["determined_accuracy"]),
        exact=shown(results["exact_match"], 4),
        ragged=shown(results["ragged_exact_match"], 4),
        made=textwrap.fill(made, 119),
        data=DATA.format(repository=config.hub_dataset_id) if config.hub_dataset_id else "",
        **{f"{short}_interval": _interval(results, name) for short, name in names.items()},
    )
