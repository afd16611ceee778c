"""Whole translations, decoded greedily: exactly right, or not."""

from dataclasses import replace

import numpy as np
import torch
from transformers import GenerationConfig

from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.families.contract import Language
from metatrans_lab.evaluation.intervals import proportion_interval

RAGGED_MAX_LENGTH = 11 * (2 * 5 + 2) + 1
"""Tokens of the longest prompt and answer that `ragged_exact_match` draws."""


@torch.no_grad()
def last_sentences_exact(model, episodes: Episodes, at_most: int | None = None) -> np.ndarray:
    """Greedy `generate()` of each episode's last translation and the closing ␁: (M,) bool, exact or not.

    Only the M episodes count in which all words of that sentence were translated before; of them the first `at_most`.
    """
    config, tokens = episodes.config, episodes.input_ids
    device = next(model.parameters()).device
    exact = []
    last = (episodes.shot == config.num_pairs - 1) & episodes.is_target
    lengths = last.sum(1)
    askable = (last & ~episodes.determined).sum(1) == 0
    if at_most is not None:
        askable &= askable.cumsum() <= at_most
    for length in np.unique(lengths[askable]):
        rows = np.flatnonzero(askable & (lengths == length))
        prompt_lengths = episodes.token_counts[rows] - 1 - length
        width = int(prompt_lengths.max())
        columns = np.arange(width) - (width - prompt_lengths)[:, None]  # left-padded: negative on padding
        prompts = np.where(columns >= 0, tokens[rows[:, None], np.maximum(columns, 0)], config.pad)
        answers = tokens[rows[:, None], prompt_lengths[:, None] + np.arange(length + 1)]
        generated = model.generate(
            input_ids=torch.as_tensor(prompts, dtype=torch.long, device=device),
            attention_mask=torch.as_tensor(columns >= 0, dtype=torch.long, device=device),
            # Whatever the model's folder says of decoding, this is greedy.
            generation_config=GenerationConfig(
                max_new_tokens=int(length) + 1, eos_token_id=config.soh, pad_token_id=config.pad
            ),
        )
        generated = generated[:, width:].cpu().numpy()
        if generated.shape[1] <= length:  # every row closed before its time
            exact.append(np.zeros(len(rows), bool))
        else:
            exact.append((generated == answers).all(1))
    return np.concatenate(exact) if exact else np.zeros(0, bool)


def ragged_exact_match(model, language: Language, num_prompts: int = 1000, split: str = "test") -> dict:
    """Exact match on prompts as people type them: 2–10 examples, sentences of 1–5 words, 2–6 words in use.

    Every word of the question occurs in some example. Numbers of examples come up equally often.

    Returns:
        `ragged_exact_match`, the fraction of answers exactly right with their closing ␁; `num_ragged_prompts`; and its
        95% `interval`.
    """
    exact = []
    most = min(6, language.num_source_words)
    for num_examples in range(2, 11):
        wanted = num_prompts * (num_examples - 1) // 9 - num_prompts * (num_examples - 2) // 9
        knobs = {"num_pairs": num_examples + 1, "sentence_length": (1, 5), "num_active_words": (min(2, most), most)}
        episodes = sample_episodes(replace(language, **knobs), range(6 * wanted + 60), split)
        exact.append(last_sentences_exact(model, episodes, at_most=wanted))
    exact = np.concatenate(exact).astype(np.float64)
    return {
        "ragged_exact_match": float(exact.mean()),
        "num_ragged_prompts": len(exact),
        "interval": proportion_interval(exact, np.ones_like(exact)),
    }
