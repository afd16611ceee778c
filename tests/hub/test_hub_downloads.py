"""A model that comes damaged from the Hub is a sentence, is never used, and comes whole the next time."""

import pytest
import torch
from huggingface_hub import HfApi

from metatrans_lab.apps.shell import main
from metatrans_lab.models.load import load_model
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, build_tokenizer

from .hub_faults import Corrupt, Status, Truncate

MODEL = "ada/lstm"
EXACT = "dax   certain\n  red → dax   example 1\n"  # which needs no model
DAMAGED = f"metatrans: {MODEL} came damaged from the Hub; what was damaged is removed, so try again\n"
FAILED = f"metatrans: can't load a model from {MODEL}: the Hub failed: "


@pytest.fixture
def pushed(hub_here, waits, tmp_path):
    """A Hub with a model, which no one has downloaded yet; and the model."""
    model = MetaLSTMForCausalLM(MetaLSTMConfig(embedding_size=4, hidden_size=8)).eval()
    model.save_pretrained(tmp_path / "saved")
    build_tokenizer().save_pretrained(tmp_path / "saved")
    HfApi().create_repo(MODEL)
    HfApi().upload_folder(repo_id=MODEL, folder_path=tmp_path / "saved")
    return hub_here, model


def translate(capsys) -> tuple[int, str, str]:
    """The command's exit code, and what it wrote to stdout and stderr."""
    code = 0
    try:
        main(["translate", MODEL, "--example", "red = dax", "red"])
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def loads_as_pushed(model) -> bool:
    loaded = load_model(MODEL).state_dict()
    return all(torch.equal(loaded[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "request_, kind, message",
    [
        ("GET /storage/", Corrupt(), DAMAGED),
        ("GET .*/config.json", Corrupt(), DAMAGED),
        ("GET /storage/", Truncate(bytes_sent=2000), f"{FAILED}peer closed connection"),
        ("GET .*/config.json", Truncate(bytes_sent=50), f"{FAILED}peer closed connection"),
        ("GET /storage/", Status(500), f"{FAILED}Server error '500 Internal Server Error'"),
    ],
    ids=["wrong weights", "wrong config", "broken weights", "broken config", "failing storage"],
)
def test_it_is_a_sentence_and_the_next_try_works(pushed, capsys, request_, kind, message):
    hub, model = pushed
    fault = hub.fail(request_, kind, times=None)
    code, out, err = translate(capsys)
    assert (code, out) == (2, EXACT) and err.startswith(message) and err.count("\n") == 1
    assert fault.hits >= 1
    hub.heal()
    code, out, err = translate(capsys)
    assert code == 0 and "  red → " in out and err == ""
    assert loads_as_pushed(model)


def test_a_single_wrong_bit_of_the_weights_is_noticed(pushed, capsys):
    """Such a file loads as any other does."""
    hub, model = pushed
    ((sha256, weights),) = hub.state.objects.items()
    hub.state.objects[sha256] = weights[:-1] + bytes([weights[-1] ^ 1])
    assert translate(capsys) == (2, EXACT, DAMAGED)
    assert translate(capsys) == (2, EXACT, DAMAGED)
    hub.state.objects[sha256] = weights
    assert translate(capsys)[0] == 0 and loads_as_pushed(model)


def test_what_decays_in_the_cache_is_noticed(pushed, capsys):
    hub, model = pushed
    assert translate(capsys)[0] == 0
    (cached,) = hub.home.rglob("model.safetensors")
    cached.resolve().write_bytes(cached.read_bytes()[:-1] + b"?")
    assert translate(capsys) == (2, EXACT, DAMAGED)
    assert translate(capsys)[0] == 0 and loads_as_pushed(model)
