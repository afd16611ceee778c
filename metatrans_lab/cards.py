"""The model card of a run: what it does, how to use it, how good it is and by what measure."""

from metatrans_lab.configuration import TrainingConfig

CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: translation
tags: [metatrans, metalearning, in-context-learning, lstm, custom_code]
---
# {name}

An LSTM that translates a made-up language by the examples it is shown, metatrained on endless made-up languages by
metatrans. The idea is from Volodymyr Kyrylov's post
[Meta Sequence Transducer](https://proger.github.io/posts/meta/transducer.html).

```python
from transformers import pipeline

# model: this folder, or its repository on the Hub
translator = pipeline("in-context-translation", model="{name}", trust_remote_code=True)
translator("blue red", examples=[("red", "dax"), ("blue red", "wif dax")])
```

It has room for {L} source and {R} target words, and translates word by word.

| on {episodes:,} episodes{unseen} (K={K}, T={T}) | model | Bayes optimum |
|---|---|---|
| nats per target word | {nll:.5f} | {floor:.5f} |
| accuracy on words shown before | {determined} | 1 |
| exact translations of prompts as people type them | {ragged} | 1 |

Trained for {steps:,} steps in {seconds:.0f} s on {device}. `training_config.yaml` has every setting, `results.json`
every figure with its interval, `loss.png` and `shots.png` the curves.
"""


def shown(figure: float | None, digits: int = 5) -> str:
    """A figure as text; "–" where nothing was there to be measured."""
    return "–" if figure is None else f"{figure:.{digits}f}"


def model_card(config: TrainingConfig, results: dict) -> str:
    language = config.language_config()
    return CARD.format(
        name=config.name,
        L=language.num_source_words,
        R=language.num_target_words,
        K=language.num_pairs,
        T="–".join(map(str, sorted(set(language.length_range)))),
        episodes=results["num_eval_episodes"],
        unseen=" of languages never trained on" if language.held_out_languages else "",
        nll=results["target_nll"],
        floor=results["target_bayes_nll"],
        determined=shown(results["determined_accuracy"]),
        ragged=shown(results["ragged_exact_match"], 4),
        steps=results["steps"],
        seconds=results["timing"]["train_seconds"],
        device=results["device"],
    )
