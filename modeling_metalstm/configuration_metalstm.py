"""The configuration of a MetaLSTM: embedding → layers, LSTMs or matrix memories → linear head."""

import copy
from typing import Any, Self

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .dispatch_metalstm import RECURRENCES

LAYER_TYPES = ("lstm", "mlstm", "mlstm_example", "delta", "delta_example")
"""What a layer can be: see `layers_metalstm.py` for the first, `matrix_layer_metalstm.py` for the others."""

OF_EXAMPLE = ("mlstm_example", "delta_example")
"""Those that remember one example, and whose keys turn by place."""

INITIALIZATIONS = ("torch", "metalstm")
LOSS_ON = (None, "all", "targets")

# Far above any use; what a damaged or malicious file may ask for is refused before there is memory for it.
LARGEST = {
    "embedding_size": 1 << 16,
    "hidden_size": 1 << 16,
    "num_hidden_layers": 1_000,
    "num_heads": 1_000,
    "lstm_size": 1 << 16,
    "num_source_words": 1 << 16,
    "num_target_words": 1 << 16,
}
MAX_VOCAB_SIZE = 1 << 20
MAX_PLACE_OFFSET = 1 << 20

_OF_THE_ALPHABET = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")
FOLLOWERS = {
    "hidden_size": ("lstm_size",),
    "num_hidden_layers": ("layer_types",),
    "layer_types": ("num_hidden_layers",),
    "num_source_words": _OF_THE_ALPHABET,
    "num_target_words": _OF_THE_ALPHABET,
}
"""What follows from a value unless it is given too."""

# What a saved folder says about its code, so that `trust_remote_code=True` finds every class and the pipeline.
AUTO_MAP = {
    "AutoConfig": "configuration_metalstm.MetaLSTMConfig",
    "AutoModel": "modeling_metalstm.MetaLSTMModel",
    "AutoModelForCausalLM": "modeling_metalstm.MetaLSTMForCausalLM",
}
PIPELINE_TASK = "in-context-translation"
CUSTOM_PIPELINES = {
    PIPELINE_TASK: {
        "impl": "pipeline_metalstm.InContextTranslationPipeline",
        "pt": ["AutoModelForCausalLM"],
    }
}


@strict
class MetaLSTMConfig(PreTrainedConfig):
    """
    The shape, the alphabet and the options of a MetaLSTM. `MetaLSTMConfig()` is the model of Volodymyr Kyrylov's post
    of 12 October 2023: six source words, six target words, embeddings of 512, one LSTM layer of 1,024.

    The vocabulary, in order: source words `0 … L-1`, target words `L … L+R-1`, `␁` (start of an example) at `L+R`,
    `␂` (start of its translation) at `L+R+1`, padding at `L+R+2`.

    Args:
        vocab_size (`int`, *optional*): number of tokens, `L + R + 3` if not given; it may be larger, not smaller.
        embedding_size (`int`, defaults to 512): length of a token's embedding.
        hidden_size (`int`, defaults to 1024): length of a layer's outputs, and of an LSTM's two states.
        num_hidden_layers (`int`, *optional*): number of layers; as many as `layer_types`, or 1, if not given.
        layer_types (`list[str]`, *optional*): what each layer is, from the first on, LSTMs all if not given. `"lstm"`:
            the post's, whose state is a vector; `"mlstm"`: one whose state is a matrix, a memory of all examples;
            `"mlstm_example"`: one that remembers the example that it reads, by the words' places; `"delta"` and
            `"delta_example"`: the same, but what the memory says already is taken off what is written.
        num_heads (`int`, defaults to 4): the number of memories of a layer that isn't an LSTM, which share its width.
        num_shifted_heads (`int`, defaults to 0): the number of heads, of each layer that isn't an LSTM, that write a
            token under the key of the token before it: they remember what comes after what.
        empty_after_start (`bool`, defaults to `False`): whether an `"…_example"` layer forgets an example after the
            `␁` that closes it, which then still reads all of it, rather than before.
        lstm_size (`int`, *optional*): length of the states of `"lstm"` layers, `hidden_size` if not given; another
            one needs a last layer of another type.
        max_place_offset (`int`, defaults to 0): in training, an `"…_example"` layer counts the places of each example
            from a random number up to this on, and so learns sentences longer than those it sees. An example
            that is read in two calls isn't shifted in the second.
        dropout (`float`, defaults to 0.0): dropout between the layers, as in `torch.nn.LSTM`.
        tie_word_embeddings (`bool`, defaults to `False`): one matrix for the embedding and the head; needs
            `embedding_size == hidden_size`.
        initialization (`str`, defaults to `"torch"`): `"torch"` is what `torch.nn.Embedding`, `LSTM` and `Linear` do,
            as in the post; `"metalstm"` differs in the LSTM: orthogonal recurrent matrices and zero biases, but 1 for
            the forget gate, so that a fresh model remembers.
        recurrence (`str`, defaults to `"auto"`): which implementation runs the LSTM, see `dispatch_metalstm.py`. They
            compute the same; this may be changed at any time.
        loss_on (`str`, *optional*): what the weights were trained on: `"all"` tokens, or `"targets"`: source words
            were left out, and what the model says of them means nothing. `None`: nobody said.
        num_source_words (`int`, defaults to 6): `L`, the source words of the alphabet.
        num_target_words (`int`, defaults to 6): `R`, the target words of the alphabet.
        use_cache (`bool`, defaults to `True`): return the state as `past_key_values`.
        pad_token_id, bos_token_id, eos_token_id (`int`, *optional*): padding, `␁` and `␁` if not given.

    Raises:
        ValueError: if a value is impossible, in a sentence that says what is allowed.
    """

    model_type = "metalstm"
    keys_to_ignore_at_inference = ["past_key_values"]

    vocab_size: int | None = None
    embedding_size: int = 512
    hidden_size: int = 1024
    num_hidden_layers: int | None = None
    layer_types: list[str] | None = None
    num_heads: int = 4
    num_shifted_heads: int = 0
    empty_after_start: bool = False
    lstm_size: int | None = None
    max_place_offset: int = 0
    dropout: float | int = 0.0
    tie_word_embeddings: bool = False
    initialization: str = "torch"
    recurrence: str = "auto"
    loss_on: str | None = None
    num_source_words: int = 6
    num_target_words: int = 6
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        for name, value in self._following().items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        self.layer_types = list(self.layer_types or ())  # the caller's own may change
        self.check()

        if "custom_pipelines" in kwargs:
            from transformers.pipelines import PIPELINE_REGISTRY

            # Where our package is imported its own pipeline serves, and no code from the folder has to be trusted.
            if PIPELINE_TASK in PIPELINE_REGISTRY.supported_tasks:
                del kwargs["custom_pipelines"]
        super().__post_init__(**kwargs)

    def _following(self) -> dict[str, Any]:
        """What the values that follow from others are unless they are given."""
        num_words = self.num_source_words + self.num_target_words
        num_layers = min(self.num_hidden_layers or 1, LARGEST["num_hidden_layers"])  # not checked yet
        return {
            "num_hidden_layers": 1 if self.layer_types is None else len(self.layer_types),
            "layer_types": ["lstm"] * num_layers,  # by these `DynamicCache(config=…)` builds the cache too
            "lstm_size": self.hidden_size,
            "vocab_size": num_words + 3,
            "bos_token_id": num_words,
            "eos_token_id": num_words,
            "pad_token_id": num_words + 2,
        }

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Self:
        """
        As the base class's, but values that are given in the place of saved ones are checked, and what followed from
        those follows from them.
        """
        given = {name: kwargs.pop(name) for name in MetaLSTMConfig.__annotations__ if name in kwargs}
        if given:
            saved = cls(**config_dict)
            followers = {follower for name in given for follower in FOLLOWERS.get(name, ())}
            following = saved._following()
            follows = {name for name in followers if getattr(saved, name) == following[name]}
            config_dict = {name: value for name, value in config_dict.items() if name not in follows} | given
        return super().from_dict(config_dict, **kwargs)

    def check(self) -> None:
        """
        A model checks its configuration when it is built, as values may have been set since this was.

        Raises:
            ValueError: if a value is impossible, in a sentence that says what is allowed.
        """
        for name, largest in LARGEST.items():
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be 1 or more, not {getattr(self, name)}.")
            if getattr(self, name) > largest:
                raise ValueError(f"`{name}` must be at most {largest:,}, not {getattr(self, name):,}.")
        self._check_layers()
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be at least 0 and below 1, not {self.dropout}.")
        if self.tie_word_embeddings and self.embedding_size != self.hidden_size:
            raise ValueError(
                "`tie_word_embeddings` shares one matrix between the embedding and the head, so `embedding_size` "
                f"({self.embedding_size}) must equal `hidden_size` ({self.hidden_size})."
            )
        if self.initialization not in INITIALIZATIONS:
            raise ValueError(f"`initialization` must be one of {INITIALIZATIONS}, not {self.initialization!r}.")
        if self.recurrence not in RECURRENCES:
            raise ValueError(f"`recurrence` must be one of {RECURRENCES}, not {self.recurrence!r}.")
        if self.loss_on not in LOSS_ON:
            raise ValueError(f"`loss_on` must be one of {LOSS_ON}, not {self.loss_on!r}.")
        self.check_vocab_size(self.vocab_size)

    def check_vocab_size(self, vocab_size: Any) -> None:
        """
        Args:
            vocab_size (`int`): a number of tokens.

        Raises:
            ValueError: if the alphabet doesn't fit in, or memory may not.
        """
        if vocab_size > MAX_VOCAB_SIZE:
            raise ValueError(f"`vocab_size` must be at most {MAX_VOCAB_SIZE:,}, not {vocab_size:,}.")
        if vocab_size < self.start_of_target_id + 2:
            raise ValueError(
                f"`vocab_size` must be at least {self.start_of_target_id + 2}, for {self.num_source_words} source "
                f"words, {self.num_target_words} target words and 3 special tokens, not {vocab_size}."
            )

    def _check_layers(self) -> None:
        layer_types = self.layer_types or []
        for layer_type in layer_types:
            if layer_type not in LAYER_TYPES:
                raise ValueError(f"`layer_types` may have {LAYER_TYPES}, not {layer_type!r}.")
        if len(layer_types) != self.num_hidden_layers:
            raise ValueError(
                f"`layer_types` has {len(layer_types)} layers, but `num_hidden_layers` is "
                f"{self.num_hidden_layers}; set both alike."
            )
        if layer_types[-1:] == ["lstm"] and self.lstm_size != self.hidden_size:
            raise ValueError(
                f"`lstm_size` ({self.lstm_size}) must equal `hidden_size` ({self.hidden_size}) where the last layer "
                "is an LSTM."
            )
        if set(layer_types) != {"lstm"}:
            divisor = self.num_heads * (2 if set(layer_types) & set(OF_EXAMPLE) else 1)
            if self.hidden_size % divisor:
                raise ValueError(
                    f"`hidden_size` ({self.hidden_size}) must be a multiple of {divisor}, for {self.num_heads} heads"
                    + (" whose keys turn in pairs." if divisor > self.num_heads else ".")
                )
        if not 0 <= self.num_shifted_heads <= self.num_heads:
            raise ValueError(
                f"`num_shifted_heads` must be between 0 and `num_heads` ({self.num_heads}), not "
                f"{self.num_shifted_heads}."
            )
        if not 0 <= self.max_place_offset <= MAX_PLACE_OFFSET:
            raise ValueError(
                f"`max_place_offset` must be between 0 and {MAX_PLACE_OFFSET:,}, not {self.max_place_offset:,}."
            )

    @property
    def input_sizes(self) -> list[int]:
        """The length of the vectors that each layer reads."""
        sizes = {"lstm": self.lstm_size or self.hidden_size}
        outputs = [sizes.get(layer_type, self.hidden_size) for layer_type in self.layer_types or ()]
        return [self.embedding_size, *outputs[:-1]]

    @property
    def start_of_source_id(self) -> int:
        """The token `␁`, which opens every example and closes the episode."""
        return self.num_source_words + self.num_target_words

    @property
    def start_of_target_id(self) -> int:
        """The token `␂`, between a source sentence and its translation."""
        return self.num_source_words + self.num_target_words + 1

    def validate_layer_type(self) -> None:
        """The library's list of layer types is closed and has none of ours, which are checked with the layers."""

    def to_diff_dict(self) -> dict[str, Any]:
        """
        What config.json has: the number of layers if all are LSTMs, else their types. Where both are, a process
        without our code holds the types to the library's list, and doesn't load even the tokenizer.
        """
        left_out = "layer_types" if set(self.layer_types or ()) == {"lstm"} else "num_hidden_layers"
        return {name: value for name, value in super().to_diff_dict().items() if name != left_out}

    def to_dict(self) -> dict[str, Any]:
        """The configuration as a dictionary, with the names of the code that a saved folder needs."""
        return super().to_dict() | copy.deepcopy({"auto_map": AUTO_MAP, "custom_pipelines": CUSTOM_PIPELINES})
