"""Exact match: greedy decoding of whole translations, each of which is right or wrong as a whole."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedModel

from dataset_script.costs import CERTAIN
from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.families.contract import Language
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.intervals import proportion_interval, ratio

RAGGED_PAIRS, RAGGED_WORDS = 11, 5
"""The most pairs, the question's among them, and words a source sentence that `ragged_exact_match` draws."""


@torch.no_grad()
def last_sentences_exact(model: PreTrainedModel, episodes: Episodes, at_most: int | None = None) -> np.ndarray:
    """Whether greedy `generate()` gives each episode's last translation and the closing ␁: (M,) bool.

    M counts the episodes whose last translation is determined in every word, and its end certain; of these, the first
    `at_most` are asked.
    """
    config, tokens = episodes.config, episodes.input_ids  # (N, S)
    exact = []
    last = (episodes.shot == config.num_pairs - 1) & episodes.is_target  # (N, S)
    lengths = last.sum(1)  # (N,)
    ends = episodes.bayes_nll[np.arange(len(tokens)), episodes.token_counts - 1]  # (N,), of the closing ␁
    open_words = last & ~episodes.determined & ~(episodes.is_blank & (episodes.bayes_nll < CERTAIN))
    askable = (open_words.sum(1) == 0) & (ends < CERTAIN)  # (N,)
    if at_most is not None:
        askable &= askable.cumsum() <= at_most
    # Answers of one length at a time, n rows: all prompts of a batch then ask for the same number of new tokens.
    for length in np.unique(lengths[askable]):
        rows = np.flatnonzero(askable & (lengths == length))  # (n,)
        prompt_lengths = episodes.token_counts[rows] - 1 - length  # (n,)
        width = int(prompt_lengths.max())
        columns = np.arange(width) - (width - prompt_lengths)[:, None]  # (n, width), left-padded: negative on padding
        prompts = np.where(columns >= 0, tokens[rows[:, None], np.maximum(columns, 0)], config.pad)  # (n, width)
        answers = tokens[rows[:, None], prompt_lengths[:, None] + np.arange(length + 1)]  # (n, length + 1)
        # (n, length + 1), or fewer columns if all rows ended early
        generated = _continued(model, config, prompts, columns >= 0, int(length) + 1)[:, width:]
        if generated.shape[1] <= length:
            exact.append(np.zeros(len(rows), bool))
        else:
            exact.append((generated == answers).all(1))
    return np.concatenate(exact) if exact else np.zeros(0, bool)


def _continued(model: PreTrainedModel, config: Language, prompts: np.ndarray, mask: np.ndarray, at_most: int) -> Any:
    """(n, width) prompts, and whether their tokens are no padding → the same, up to `at_most` tokens after them."""
    device = next(model.parameters()).device
    generated = model.generate(
        input_ids=torch.as_tensor(prompts, dtype=torch.long, device=device),
        attention_mask=torch.as_tensor(mask, dtype=torch.long, device=device),
        # Greedy, whatever the model's generation_config.json says.
        generation_config=GenerationConfig(max_new_tokens=at_most, eos_token_id=config.soh, pad_token_id=config.pad),
    )
    return generated.cpu().numpy()


@torch.no_grad()
def check_generation(model: PreTrainedModel, language: Language) -> None:
    """Has the model continue two prompts, one of them padded, as its evaluation will: a model whose `generate()` fails
    would be trained to its end and then not be measured.

    Raises:
        UserError: it fails, or gives no continued prompts.
    """
    prompts = np.array([[language.pad, language.soh, 0, language.stx], [language.soh, 0, 0, language.stx]])
    was_training = model.training
    model.eval()
    try:
        generated = _continued(model, language, prompts, prompts != language.pad, 2)
    except Exception as error:  # a model that isn't ours may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(f"the model can't generate(), by which it is evaluated: {reason}") from error
    finally:
        model.train(was_training)
    if generated.shape not in ((2, 5), (2, 6)) or (generated[:, :4] != prompts).any():
        raise UserError("the model's generate() must give the prompts, (N, S), with new tokens after them, (N, S + n)")


def ragged_language(language: Language, num_pairs: int = RAGGED_PAIRS) -> Language:
    """The languages of `ragged_exact_match`, with so many pairs an episode."""
    most = min(6, language.num_source_words)
    shortest, longest = language.possible_lengths
    lengths = shortest, RAGGED_WORDS if longest is None else min(RAGGED_WORDS, longest)
    return replace(language, num_pairs=num_pairs, sentence_length=lengths, num_active_words=(min(2, most), most))


def ragged_exact_match(
    model: PreTrainedModel, language: Language, num_prompts: int = 1000, split: str = "test"
) -> dict[str, Any]:
    """Exact match on prompts as people type them: 2–10 examples, sentences of 1–5 words, 2–6 words in use.

    Every word of the question occurs in some example. All numbers of examples are equally frequent.

    Returns:
        `ragged_exact_match`, the fraction of answers exactly right with their closing ␁; `num_ragged_prompts`; and its
        95% `interval`.
    """
    parts = []
    for num_examples in range(2, RAGGED_PAIRS):
        wanted = num_prompts * (num_examples - 1) // 9 - num_prompts * (num_examples - 2) // 9
        ragged = ragged_language(language, num_examples + 1)
        # More episodes than are wanted: only those are asked whose question is determined.
        episodes = sample_episodes(ragged, range(6 * wanted + 60), split)
        parts.append(last_sentences_exact(model, episodes, at_most=wanted))
    exact = np.concatenate(parts).astype(np.float64)
    return {
        "ragged_exact_match": ratio(exact, np.ones_like(exact)),
        "num_ragged_prompts": len(exact),
        "interval": proportion_interval(exact, np.ones_like(exact)),
    }
