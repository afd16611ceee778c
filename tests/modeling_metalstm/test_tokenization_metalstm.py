import pytest
from jinja2.exceptions import TemplateError
from transformers import AutoTokenizer

from modeling_metalstm import build_tokenizer, check_words


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


EXAMPLE = [user("s0 s1"), assistant("t3 t2")]


def test_ids_are_the_alphabet_in_order():
    tokenizer = build_tokenizer(2, 3)
    symbols = ["s0", "s1", "t0", "t1", "t2", "␁", "␂", "<pad>"]
    assert tokenizer.convert_tokens_to_ids(symbols) == list(range(8)) and len(tokenizer) == 8
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == 5 and tokenizer.pad_token_id == 7


def test_text_round_trips():
    tokenizer = build_tokenizer()
    text = "␁ s0 s1 ␂ t3 t2 ␁ s5 ␂ t0 ␁"
    ids = tokenizer(text)["input_ids"]
    assert ids == [12, 0, 1, 13, 9, 8, 12, 5, 13, 6, 12]
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids, skip_special_tokens=True) == "s0 s1 t3 t2 s5 t0"
    assert tokenizer("  s0\n\ts1 ")["input_ids"] == [0, 1]


def test_batches_are_padded_on_the_left():
    batch = build_tokenizer()(["s0", "s1 s2 s3"], padding=True)
    assert set(batch) == {"input_ids", "attention_mask"}
    assert batch["input_ids"] == [[14, 14, 0], [1, 2, 3]] and batch["attention_mask"] == [[0, 0, 1], [1, 1, 1]]


def test_chat_is_an_episode():
    tokenizer = build_tokenizer()

    def render(chat, **kwargs):
        return tokenizer.apply_chat_template(chat, tokenize=False, **kwargs)

    assert render(EXAMPLE) == "␁ s0 s1 ␂ t3 t2 ␁"
    assert render(EXAMPLE * 2) == "␁ s0 s1 ␂ t3 t2 ␁ s0 s1 ␂ t3 t2 ␁"
    assert render([*EXAMPLE, user(" s1\n")], add_generation_prompt=True) == "␁ s0 s1 ␂ t3 t2 ␁ s1 ␂"
    assert render([user("s1")], add_generation_prompt=True) == "␁ s1 ␂"
    assert render([user("s1")]) == "␁ s1"
    assert render(EXAMPLE, add_generation_prompt=True) == "␁ s0 s1 ␂ t3 t2 ␁"  # nothing to translate
    assert render([user("s0 s1"), assistant("t3")], continue_final_message=True) == "␁ s0 s1 ␂ t3"


def test_assistant_mask_covers_what_the_model_says():
    tokenizer = build_tokenizer()
    encoded = tokenizer.apply_chat_template(
        [*EXAMPLE, user("s1"), assistant("t2")], return_dict=True, return_assistant_tokens_mask=True
    )
    assert encoded["input_ids"] == tokenizer("␁ s0 s1 ␂ t3 t2 ␁ s1 ␂ t2 ␁")["input_ids"]
    assert encoded["assistant_masks"] == [0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    "chat",
    [[assistant("t0")], [user("s0"), user("s1")], [*EXAMPLE, assistant("t0")], [{"role": "tool", "content": "s0"}]],
)
def test_turns_must_alternate(chat):
    with pytest.raises(TemplateError, match=r"The turns must alternate, a user turn .* first"):
        build_tokenizer().apply_chat_template(chat)


def parts(*texts):
    return [{"type": "text", "text": text} for text in texts]


@pytest.mark.parametrize(
    "content, said",
    [(parts("s0 s1"), "s0 s1"), (parts("s0", " s1\n"), "s0 s1"), (["s0 s1"], "s0 s1"), (parts("s0 s1")[0], "s0 s1")],
)
def test_content_may_come_in_parts(content, said):
    chat = [user(content), assistant(parts("t3", "t2")), user("s1")]
    encoded = build_tokenizer().apply_chat_template(chat, return_dict=True, return_assistant_tokens_mask=True)
    assert encoded["input_ids"] == build_tokenizer()(f"␁ {said} ␂ t3 t2 ␁ s1")["input_ids"]
    assert encoded["assistant_masks"] == [0, 0, 0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize("content", [None, "", " ", [], parts(""), [{"type": "image", "url": "cat.png"}], 7])
def test_content_without_a_sentence_is_refused(content):
    with pytest.raises(TemplateError, match=r"^A turn's content is a sentence, or a list of parts"):
        build_tokenizer().apply_chat_template([user(content)])


@pytest.mark.parametrize("role", ["system", "developer"])
def test_what_clients_put_before_a_conversation_is_no_part_of_the_episode(role):
    before = {"role": role, "content": "You are a helpful assistant."}
    assert build_tokenizer().apply_chat_template([before, *EXAMPLE], tokenize=False) == "␁ s0 s1 ␂ t3 t2 ␁"


def test_unknown_symbols_are_named():
    tokenizer = build_tokenizer()
    check_words(tokenizer, "␁ s0 s5 ␂ t0 <pad>")
    with pytest.raises(
        ValueError, match=r"^'s6' isn't a symbol of this model: .*pipeline\(\"in-context-translation\"\)\.$"
    ):
        check_words(tokenizer, "s0 s6 red")


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3)])
def test_an_alphabet_needs_words(sizes):
    with pytest.raises(ValueError, match="at least one source word and one target word, not"):
        build_tokenizer(*sizes)


def test_saved_tokenizer_needs_no_code_of_ours(tmp_path):
    tokenizer = build_tokenizer(3, 4)
    tokenizer.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.py"))
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == tokenizer.get_vocab() and loaded.padding_side == "left"
    assert loaded.apply_chat_template(EXAMPLE, tokenize=False) == tokenizer.apply_chat_template(
        EXAMPLE, tokenize=False
    )
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == ("␁", "␁", "<pad>")
    assert set(loaded(["s0"])) == {"input_ids", "attention_mask"}
