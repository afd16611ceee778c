"""Any causal language model, measured against the Bayes optimum on episodes it has never seen.

All figures are in nats, over the tokens named. A target word is *determined* if the exact predictor is certain of it
and its source word was translated earlier in the episode, *eliminated* if it is certain though it was not.
"""

from collections.abc import Callable, Iterator

import numpy as np

from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.families.contract import Language
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.answers import last_sentences_exact
from metatrans_lab.evaluation.readings import next_token_log_probabilities
from metatrans_lab.evaluation.sums import Sums


def evaluate(
    model,
    language: Language,
    split: str = "test",
    num_episodes: int = 8192,
    loss_on: str = "all",
    exact_match: bool = True,
    batch_size: int = 512,
    num_bindings: int = 0,
) -> dict:
    """Figures of a causal LM whose tokens are `language`'s; the keys are those of results.json.

    Args:
        model: anything with `model(input_ids=…).logits`, and `generate()` if exact_match is asked for.
        split: with `held_out_languages`, "validation" and "test" have lexicons that training never saw.
        loss_on: what the model was trained on; after "targets", `token_regret` is None.
        batch_size: episodes a forward pass.
        num_bindings: as of `next_token_log_probabilities`; `exact_match` is of the episodes as they are.

    Raises:
        UserError: the model has fewer tokens than the language.
    """
    if model.config.vocab_size < language.vocab_size:
        raise UserError(
            f"the model knows {model.config.vocab_size} tokens, but {language.num_source_words} source and "
            f"{language.num_target_words} target words need {language.vocab_size}"
        )
    was_training = model.training
    model.eval()
    sums = Sums(language, loss_on)
    for episodes in _batches(language, split, num_episodes, batch_size):
        exact = last_sentences_exact(model, episodes) if exact_match else np.zeros(0, bool)
        sums.add(episodes, next_token_log_probabilities(model, episodes, num_bindings), exact)
    model.train(was_training)
    return sums.results()


def evaluate_words(
    predict: Callable[[Episodes], np.ndarray],
    language: Language,
    split: str = "test",
    num_episodes: int = 8192,
    batch_size: int = 512,
) -> dict:
    """Figures of anything that tells how probable each target word is; the keys are those of `evaluate`.

    Of other tokens nothing is asked: they cost nothing, and `token_regret` is None.

    Args:
        predict: episodes → (N, S, R), for every token the distribution of target words at its place before it comes;
            whatever at tokens that are none. See `dataset_script.baselines`.
        language, split, num_episodes, batch_size: as of `evaluate`.
    """
    sums = Sums(language, "targets")
    words = slice(language.num_source_words, language.soh)
    for episodes in _batches(language, split, num_episodes, batch_size):
        tokens = episodes.input_ids[:, 1:].astype(np.int64)
        probabilities = np.zeros((*tokens.shape, language.vocab_size))
        np.put_along_axis(probabilities, tokens[..., None], 1.0, axis=-1)
        is_target = episodes.is_target[:, 1:]
        probabilities[is_target] = 0.0
        probabilities[is_target, words] = predict(episodes)[:, 1:][is_target]
        with np.errstate(divide="ignore"):
            log_q = np.log(probabilities)
        # Greedy decoding says a sentence exactly if, told all words before, it would say each of them right.
        last = (episodes.shot == language.num_pairs - 1)[:, 1:] & is_target
        askable = (last & ~episodes.determined[:, 1:]).sum(1) == 0
        sums.add(episodes, log_q, ((log_q.argmax(-1) == tokens) | ~last).all(1)[askable])
    return sums.results()


def _batches(language: Language, split: str, num_episodes: int, batch_size: int) -> Iterator[Episodes]:
    for first in range(0, num_episodes, batch_size):
        yield sample_episodes(language, range(first, min(first + batch_size, num_episodes)), split)
