"""Pushes the data set to the Hub as Parquet, which `load_dataset` reads without any code of ours."""

from collections.abc import Sequence
from functools import partial
from threading import Event

from datasets import load_dataset
from huggingface_hub import DatasetCard, HfApi

from dataset_script import GENERATOR_VERSION, expected_nll
from dataset_script.metatrans import Metatrans
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.hub.pusher import PUSH_ERRORS, claim_repository, give_clients_a_timeout, retry, sentence_of

CARD = """# metatrans: in-context translation of made-up languages

Each row is an episode of a language of its own: K sentences in made-up words, each followed by its word-by-word
translation, as tokens

    ␁ s…s ␂ t…t   …K times…   ␁

with source words 0…L − 1, target words L…L + R − 1, ␁ = L + R, ␂ = L + R + 1. The idea is from Volodymyr Kyrylov's
post [Meta Sequence Transducer](https://proger.github.io/posts/meta/transducer.html).

```python
from datasets import load_dataset

rows = load_dataset("{repository}", "kyrylov2023", split="test")
```

- `input_ids`: the tokens. `labels`: the same, unshifted, as transformers expects.
- `bayes_nll`: what each token costs the best possible predictor, in nats. A model's mean cost minus the mean of this
  column is its regret.

| config | K | L, R | words a sentence | words in use | kept from training | target words cost the optimum |
|---|---|---|---|---|---|---|
{configs}

Generator version {version}. Where a fraction of the lexicons is kept from training, half of them make the validation
rows and the other half the test rows.
"""


def _row(name: str) -> str:
    """A config's row in the card's table."""
    config = next(config for config in Metatrans.BUILDER_CONFIGS if config.name == name)
    language = config.language
    T, active = ("–".join(map(str, sorted(set(ends)))) for ends in (language.length_range, language.active_range))
    words = f"{language.num_source_words}, {language.num_target_words}"
    cost = f"{expected_nll(language).target:.4f} nats an episode"
    return (
        f"| `{name}` | {language.num_pairs} | {words} | {T} | {active} | {language.held_out_languages:.0%} | {cost} |"
    )


def push_dataset(repository: str, configs: Sequence[str] = (), private: bool = False, patience: float = 300.0) -> str:
    """Pushes configs of the data set (all, if none is named) and the data card; returns the repository's full name.

    Raises:
        UserError: an unknown config, a token that may not, or a Hub that fails for longer than `patience` seconds.
    """
    known = [config.name for config in Metatrans.BUILDER_CONFIGS]
    for name in configs:
        if name not in known:
            raise UserError(f"metatrans has no config {name!r}{nearest(name, known)}")
    configs = list(configs) or known
    give_clients_a_timeout()
    try:
        repository = claim_repository(HfApi(), repository, private, "dataset")
        for name in configs:
            data = load_dataset("metatrans", name)
            main = name == Metatrans.DEFAULT_CONFIG_NAME
            retry(partial(data.push_to_hub, repository, name, set_default=main), patience, Event())
        rows = "\n".join(_row(name) for name in configs)
        text = CARD.format(repository=repository, configs=rows, version=GENERATOR_VERSION)

        def push_card() -> None:
            card = DatasetCard.load(repository)
            card.data.license = "apache-2.0"
            card.data.pretty_name = "metatrans"
            card.data.task_categories = ["translation"]
            card.data.tags = ["in-context-learning", "metalearning", "synthetic"]
            card.text = text
            card.push_to_hub(repository)

        retry(push_card, patience, Event())
    except UserError:
        raise
    except PUSH_ERRORS as error:
        raise UserError(f"the data set was not pushed: {sentence_of(error)}") from error
    return repository
