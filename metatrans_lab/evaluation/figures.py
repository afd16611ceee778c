"""Any causal language model, measured against the Bayes optimum on episodes it has never seen.

Regrets and losses are means over the tokens that their names say, in nats. A target word is *determined* if the exact
predictor is certain of it and its source word was translated earlier in the episode; it is *eliminated* if the exact
predictor is certain of it though its source word is new.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.families.contract import Language
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.answers import last_sentences_exact
from metatrans_lab.evaluation.readings import next_token_log_probabilities
from metatrans_lab.evaluation.sums import Sums


def evaluate(
    model: PreTrainedModel,
    language: Language,
    split: str = "test",
    num_episodes: int = 8192,
    loss_on: str = "all",
    exact_match: bool = True,
    batch_size: int = 512,
    num_bindings: int = 0,
) -> dict[str, Any]:
    """Figures of a causal LM whose tokens are `language`'s; the keys are those of results.json.

    Args:
        model: anything with `config.vocab_size` and `model(input_ids=…, use_cache=False).logits`, and `generate()` if
            exact_match is asked for.
        split: with `held_out_languages`, "validation" and "test" have lexicons that training never saw.
        loss_on: what the model was trained on; after "targets", `token_regret` is None.
        exact_match: whether last sentences are decoded too; else `exact_match` is None.
        batch_size: episodes a forward pass.
        num_bindings: as of `next_token_log_probabilities`; decoding is always without bindings.

    Raises:
        UserError: the model has fewer tokens than the language, or doesn't say how many; or it has no `generate()`.
    """
    vocab_size = getattr(getattr(model, "config", None), "vocab_size", None)
    if not isinstance(vocab_size, int):
        raise UserError(
            f"the model, a {type(model).__name__}, has no config.vocab_size, the number of its tokens; give it one: "
            f"model.config = types.SimpleNamespace(vocab_size={language.vocab_size})"
        )
    if exact_match and not hasattr(model, "generate"):
        raise UserError(f"the model, a {type(model).__name__}, has no generate(); leave it out by exact_match=False")
    if vocab_size < language.vocab_size:
        raise UserError(
            f"the model knows {vocab_size} tokens, but {language.num_source_words} source and "
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
) -> dict[str, Any]:
    """Figures of a predictor of target words alone; the keys are those of `evaluate`.

    It isn't scored on other tokens: they cost nothing, and `token_regret` is None.

    Args:
        predict: episodes → (N, S, R), the distribution of every target word given the tokens before it; values at
            other tokens don't count. Where a source doesn't tell how long its translation is, there is one more
            column, ␁, and the tokens that end translations count too. See `dataset_script.baselines`.
        language, split, num_episodes, batch_size: as of `evaluate`.

    Raises:
        ValueError: what `predict` gives has another shape, or isn't a distribution.
    """
    sums = Sums(language, "targets")
    words = slice(language.num_source_words, language.soh)
    for episodes in _batches(language, split, num_episodes, batch_size):
        tokens = episodes.input_ids[:, 1:].astype(np.int64)  # (N, S − 1), as all that follows, of the predicted tokens
        probabilities = np.zeros((*tokens.shape, language.vocab_size))  # (N, S − 1, V)
        np.put_along_axis(probabilities, tokens[..., None], 1.0, axis=-1)  # tokens that aren't scored cost nothing
        is_target = episodes.is_target[:, 1:]
        counted = is_target | episodes.is_end[:, 1:]
        given = _checked(predict(episodes), episodes)[:, 1:]  # (N, S − 1, R), or (N, S − 1, R + 1) with ␁
        probabilities[counted] = 0.0
        probabilities[counted, words.start : words.start + given.shape[-1]] = given[counted]
        with np.errstate(divide="ignore"):
            log_q = np.log(probabilities)
        # Greedy decoding gives a sentence exactly if each of its words is the most probable one after those before it.
        last = (episodes.shot == language.num_pairs - 1)[:, 1:] & is_target  # (N, S − 1)
        askable = (last & ~episodes.determined[:, 1:]).sum(1) == 0  # (N,)
        sums.add(episodes, log_q, ((log_q.argmax(-1) == tokens) | ~last).all(1)[askable])
    return sums.results()


def _checked(given: np.ndarray, episodes: Episodes) -> np.ndarray:
    """What a predictor gave.

    Raises:
        ValueError: it has another shape, or isn't a distribution where one is asked for.
    """
    has_ends = bool(episodes.is_end.any())
    shape = (*episodes.input_ids.shape, episodes.config.num_target_words + has_ends)
    if not isinstance(given, np.ndarray) or given.shape != shape:
        found = given.shape if isinstance(given, np.ndarray) else type(given).__name__
        last = ", the last column being ␁, as translations here have lengths of their own" if has_ends else ""
        raise ValueError(f"a predictor must give an array of shape {shape}{last}; it gave {found}")
    p = given[episodes.is_target | episodes.is_end]
    if not (np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(-1), 1, atol=1e-4)):
        raise ValueError("a predictor must give probabilities that sum to 1 for every token of a translation")
    return given


def _batches(language: Language, split: str, num_episodes: int, batch_size: int) -> Iterator[Episodes]:
    for first in range(0, num_episodes, batch_size):
        yield sample_episodes(language, range(first, min(first + batch_size, num_episodes)), split)
