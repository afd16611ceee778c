"""The tokenizer of the symbols: one token a word, built from the alphabet's sizes and nothing else."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

START_OF_SOURCE, START_OF_TARGET, PADDING = "␁", "␂", "<pad>"

# An assistant's turn ends with the ␁ that the model says when its sentence is done. That ␁ opens the next user's turn
# too, so only the first brings its own, and a conversation that ends with the assistant's turn is a whole episode.
# What clients put before a conversation, a system's turn, has no place in an episode.
CHAT_TEMPLATE = """
{%- macro text_of(message) -%}
    {%- set ns = namespace(texts=[], read=true) -%}
    {%- set content = message['content'] -%}
    {%- set is_list = content is sequence and content is not string and content is not mapping -%}
    {%- for part in (content if is_list else [content]) -%}
        {%- set text = part if part is string else part['text'] -%}
        {%- set ns.texts = ns.texts + [text | trim] -%}
        {%- set ns.read = ns.read and text is string -%}
    {%- endfor -%}
    {%- if not ns.read or not ns.texts | join(' ') | trim -%}
        {{- raise_exception("A turn's content is a sentence, or a list of parts that have a 'text' each, not " ~
                            (content | string) ~ '.') -}}
    {%- endif -%}
    {{- ns.texts | join(' ') | trim -}}
{%- endmacro -%}
{%- set turns = messages | rejectattr('role', 'in', ['system', 'developer']) | list -%}
{%- for message in turns -%}
    {%- if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') -%}
        {{- raise_exception('The turns must alternate, a user turn (a source sentence) first, then an assistant turn '
                            '(its translation).') -}}
    {%- endif -%}
    {%- if message['role'] == 'user' -%}
        {{- ('␁ ' if loop.first else ' ') + text_of(message) -}}
    {%- else -%}
        {{- ' ␂ ' -}}{%- generation -%}{{- text_of(message) + ' ␁' -}}{%- endgeneration -%}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt and turns and turns[-1]['role'] == 'user' -%}
    {{- ' ␂' -}}
{%- endif -%}
""".strip()


def build_tokenizer(num_source_words: int = 6, num_target_words: int = 6) -> PreTrainedTokenizerFast:
    """
    The tokenizer for an alphabet of `L` source and `R` target words: `s0 … s{L-1}`, `t0 … t{R-1}`, `␁`, `␂`, `<pad>`
    with the ids 0 … L+R+2, split at white space, padded on the left.

    Its chat template writes the episode: a user's turn is a source sentence, an assistant's turn its translation.

    ```
    user "s0 s1", assistant "t3 t2", user "s1"      ␁ s0 s1 ␂ t3 t2 ␁ s1 ␂       with add_generation_prompt=True
    user "s0 s1", assistant "t3 t2"                 ␁ s0 s1 ␂ t3 t2 ␁            a whole episode
    assistant mask                                  0 0  0  0 1  1  1
    ```

    Args:
        num_source_words (`int`): `L`.
        num_target_words (`int`): `R`.

    Returns:
        A plain `PreTrainedTokenizerFast`, which `AutoTokenizer` loads without any code of ours. It raises a bare
        `Exception` at a symbol outside the alphabet: `check_words` says it in a sentence first. What it decodes begins
        with no blank, so a prompt for `pipeline("text-generation")`, which appends that, ends with one.

    Raises:
        ValueError: if a number is below 1.
    """
    if num_source_words < 1 or num_target_words < 1:
        raise ValueError(
            "An alphabet has at least one source word and one target word, "
            f"not {num_source_words} and {num_target_words}."
        )
    words = [f"s{i}" for i in range(num_source_words)] + [f"t{i}" for i in range(num_target_words)]
    symbols = [*words, START_OF_SOURCE, START_OF_TARGET, PADDING]
    tokenizer = Tokenizer(WordLevel({symbol: i for i, symbol in enumerate(symbols)}))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START_OF_SOURCE,
        eos_token=START_OF_SOURCE,
        pad_token=PADDING,
        extra_special_tokens=[START_OF_TARGET],
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        chat_template=CHAT_TEMPLATE,
    )


def check_words(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    """
    Raises:
        ValueError: if `text` has a word that isn't a symbol of the tokenizer, which it names.
    """
    vocabulary = tokenizer.get_vocab()
    unknown = next((word for word in text.split() if word not in vocabulary), None)
    if unknown is not None:
        raise ValueError(
            f"{unknown!r} isn't a symbol of this model: its source words are s0, s1, …, its target words t0, t1, …; "
            'for words of your own use pipeline("in-context-translation").'
        )
