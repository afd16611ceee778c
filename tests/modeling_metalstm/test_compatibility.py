"""What users of Hugging Face models do with one that isn't in transformers: each test is named for it."""

import contextlib
import copy
import io
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from accelerate import Accelerator, cpu_offload, init_empty_weights, load_checkpoint_and_dispatch
from accelerate.state import AcceleratorState, GradientState, PartialState
from datasets import Dataset
from datasets.fingerprint import Hasher
from safetensors.torch import load_model, save_file, save_model
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrizations, prune
from torch.optim.swa_utils import AveragedModel
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    StoppingCriteria,
    StoppingCriteriaList,
    TextIteratorStreamer,
    TextStreamer,
    Trainer,
    TrainingArguments,
    pipeline,
)
from transformers.pipelines.pt_utils import KeyDataset

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, build_tokenizer
from modeling_metalstm.dispatch_metalstm import RECURRENCES

DEFAULT = {"layer_types": ["lstm", "mlstm_example", "mlstm"], "lstm_size": 6}
"""The default model's layers."""

EPISODE = "␁ s0 s1 ␂ t4 t2 ␁ s2 s1 ␂ t3 t2 ␁ s1 s0 ␂"
ENDLESS = {"max_new_tokens": 5, "eos_token_id": None}


def tokens_of(batch_size=2, length=20, seed=0):
    """Tokens with an example's start in each row, so that the memory of an example is read."""
    tokens = torch.randint(0, 12, (batch_size, length), generator=torch.Generator().manual_seed(seed))
    tokens[:, ::7], tokens[:, 3::7] = 12, 13
    return tokens


def gradients_of(model, *losses):
    """The gradients by name, after a backward pass from each loss; what has none is left out."""
    for loss in losses:
        loss.backward(retain_graph=True)
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad()
    return gradients


def assert_same_gradients(actual, expected):
    assert actual.keys() == expected.keys()
    for name, gradient in actual.items():
        torch.testing.assert_close(gradient, expected[name], msg=name)


@pytest.fixture
def default(make_model):
    return make_model(dtype=torch.float64, **DEFAULT)


@pytest.fixture
def single():
    """What `accelerate` keeps of a process is as it was, after the test too."""

    def reset():
        for state in (AcceleratorState, GradientState, PartialState):
            state._reset_state()

    reset()
    yield
    reset()


# Training


def test_stateful_training_goes_on_from_a_detached_state(make_model, stack):
    """Truncated backpropagation through time: what xLSTM's users do between segments."""
    model = make_model(dtype=torch.float64, **stack).train()
    tokens = tokens_of(2, 24)
    whole = model(tokens).logits
    state = None
    for segment, logits in zip(tokens.split(8, dim=1), whole.split(8, dim=1), strict=True):
        outputs = model(segment, labels=segment, past_key_values=state)
        torch.testing.assert_close(outputs.logits, logits)
        outputs.loss.backward()  # fails where an earlier segment's graph is still in the state
        state = outputs.past_key_values
        for layer in state.layers:
            layer.detach()


def test_an_initial_state_can_be_trained(make_model, stack):
    """State tuning, as RWKV's users do: the weights stand still, and what they start from learns."""
    model = make_model(dtype=torch.float64, scale=1.0, **stack).requires_grad_(False)
    with torch.no_grad():
        start = model(tokens_of(1, 5)).past_key_values
    tokens = tokens_of(1, 9, seed=1)
    tokens[tokens == 12] = 0  # a ␁ clears the memory of an example

    def loss():
        state = DynamicCache(config=model.config)
        for number, layer in enumerate(start.layers):
            others = (layer.places, layer.last_keys) if hasattr(layer, "places") else ()
            state.update(layer.keys, layer.values, number, *others)
        return F.cross_entropy(model(tokens, past_key_values=state).logits[0, :-1], tokens[0, 1:])

    parameters = [layer.keys.requires_grad_() for layer in start.layers]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss(), parameters), strict=True):
        place, step = int(gradient.abs().argmax()), 1e-5
        values = parameter.detach().view(-1)
        with torch.no_grad():
            values[place] += step
            above = loss()
            values[place] -= 2 * step
            below = loss()
            values[place] += step
        torch.testing.assert_close((above - below) / (2 * step), gradient.view(-1)[place], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_frozen_weights_leave_the_gradients_of_the_others(make_model, recurrence):
    model = make_model(dtype=torch.float64, recurrence=recurrence, **DEFAULT).train()
    tokens = tokens_of()
    expected = gradients_of(model, model(tokens, labels=tokens).loss)
    for name, parameter in model.named_parameters():
        model.requires_grad_(False)
        parameter.requires_grad_(True)
        assert_same_gradients(gradients_of(model, model(tokens, labels=tokens).loss), {name: expected[name]})


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_two_losses_share_one_forward_pass(make_model, recurrence):
    model = make_model(dtype=torch.float64, recurrence=recurrence, **DEFAULT).train()
    tokens = tokens_of()
    one, other = model(tokens).logits.split(1)
    expected = gradients_of(model, one.square().sum() + other.square().sum())
    one, other = model(tokens).logits.split(1)
    assert_same_gradients(gradients_of(model, one.square().sum(), other.square().sum()), expected)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_a_pruned_matrix_is_what_runs(make_model, recurrence):
    """nn.LSTM itself goes on with the weights it has flattened: pytorch issues 33618 and 65688."""
    model = make_model(recurrence=recurrence)
    tokens, lstm = tokens_of(), model.model.lstm
    expected = copy.deepcopy(model)
    prune.l1_unstructured(lstm, "weight_hh_l0", 0.5)
    with torch.no_grad():
        expected.model.lstm.weight_hh_l0.mul_(lstm.weight_hh_l0_mask)
    torch.testing.assert_close(model(tokens).logits, expected(tokens).logits)
    assert torch.equal(model.generate(tokens, **ENDLESS), expected.generate(tokens, **ENDLESS))
    prune.remove(lstm, "weight_hh_l0")
    assert "model.lstm.weight_hh_l0" in gradients_of(model, model(tokens, labels=tokens).loss)


@pytest.mark.parametrize("parametrize", [parametrizations.weight_norm, parametrizations.orthogonal])
def test_a_parametrized_matrix_learns(make_model, parametrize):
    model = make_model()
    tokens = tokens_of()
    parametrize(model.model.lstm, "weight_hh_l0")
    before = model(tokens, labels=tokens)
    names = [name for name in gradients_of(model, before.loss) if "parametrizations" in name]
    assert names
    with torch.no_grad():
        for parameter in model.model.lstm.parametrizations.parameters():
            parameter.add_(torch.randn_like(parameter))
    assert not torch.allclose(model(tokens).logits, before.logits)


def test_a_functional_call_runs_the_weights_it_is_given(default):
    tokens = tokens_of()
    weights = {name: 1.5 * weight for name, weight in default.state_dict().items()}
    actual = functional_call(default, weights, (tokens,)).logits
    default.load_state_dict(weights)
    torch.testing.assert_close(actual, default(tokens).logits)


def test_deterministic_algorithms_train(make_model):
    model = make_model(**DEFAULT).train()
    tokens = tokens_of()
    torch.use_deterministic_algorithms(True)
    try:
        mask = torch.rand(2, 20) < 0.8
        one, other = (gradients_of(model, model(tokens, attention_mask=mask, labels=tokens).loss) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(gradient, other[name]) for name, gradient in one.items())


def test_training_goes_on_after_generating_in_inference_mode(default):
    tokens = tokens_of()
    expected = gradients_of(default, default(tokens, labels=tokens).loss)
    with torch.inference_mode():
        default.generate(tokens, **ENDLESS)
    assert_same_gradients(gradients_of(default, default(tokens, labels=tokens).loss), expected)


def test_what_is_sampled_in_training_has_the_probabilities_of_training(make_model):
    """Reinforcement learning generates without `eval()`, and reads the whole answer again for its gradient."""
    model = make_model(dtype=torch.float64, max_place_offset=32, **DEFAULT).train()
    prompt = tokens_of(2, 11)
    outputs = model.generate(prompt, return_dict_in_generate=True, output_logits=True, **ENDLESS)
    again = model(outputs.sequences).logits[:, 10:-1]
    torch.testing.assert_close(torch.stack(outputs.logits, dim=1).double(), again, rtol=0, atol=1e-5)


# transformers' Trainer, accelerate, torch.distributed


def rows_of(number):
    return [{"input_ids": row.tolist(), "labels": row.tolist()} for row in tokens_of(number)]


def settings(folder, **given):
    always = {"use_cpu": True, "report_to": [], "disable_tqdm": True, "save_strategy": "no", "max_steps": 2}
    sizes = {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 3}
    return {"output_dir": str(folder), **always, **sizes, **given}


@pytest.mark.parametrize("given", [{}, {"eval_accumulation_steps": 1}, {"bf16_full_eval": True}], ids=str)
def test_a_trainer_evaluates_scores_without_their_state(make_model, tmp_path, single, given):
    """Mamba's state in the outputs broke evaluation: transformers issues 29505 and 30631."""
    seen = []
    trainer = Trainer(
        make_model(**DEFAULT),
        TrainingArguments(**settings(tmp_path, **given)),
        train_dataset=rows_of(8),
        eval_dataset=rows_of(5),
        compute_metrics=lambda prediction: seen.append(prediction.predictions.shape) or {},
    )
    trainer.train()
    assert trainer.evaluate()["eval_loss"] > 0 and seen == [(5, 20, 15)]


def test_accumulated_gradients_are_those_of_the_large_batch(make_model, tmp_path, single):
    rows = rows_of(8)
    for number, row in enumerate(rows):  # with unequal numbers of labels
        row["labels"] = [-100] * number + row["labels"][number:]
    model = make_model(**DEFAULT)
    trained = []
    for size in (8, 2):
        sizes = {"per_device_train_batch_size": size, "gradient_accumulation_steps": 8 // size}
        once = {"max_steps": 1, "optim": "sgd", "learning_rate": 1.0}
        trainer = Trainer(
            copy.deepcopy(model), TrainingArguments(**settings(tmp_path, **sizes, **once)), train_dataset=rows
        )
        trainer.train()
        trained.append(trainer.model.state_dict())
    for name, weight in trained[0].items():
        torch.testing.assert_close(weight, trained[1][name])


def test_a_trainer_decays_no_biases_and_no_norms(make_model, tmp_path, single):
    model = make_model(**DEFAULT)
    trainer = Trainer(model, TrainingArguments(**settings(tmp_path, weight_decay=0.1)))
    decayed = {name for name, weight in model.named_parameters() if weight.dim() > 1}
    assert set(trainer.get_decay_parameter_names(model)) == decayed


def test_a_trainer_predicts_with_generate(make_model, tmp_path, single):
    arguments = settings(tmp_path, predict_with_generate=True, generation_max_length=24)
    trainer = Seq2SeqTrainer(
        make_model(**DEFAULT), Seq2SeqTrainingArguments(**arguments), processing_class=build_tokenizer()
    )
    assert trainer.predict(rows_of(4)).predictions.shape == (4, 24)


def test_accelerate_prepares_for_bfloat16(make_model, single):
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    model = accelerator.prepare(make_model(**DEFAULT))
    outputs = model(tokens_of(), labels=tokens_of())
    accelerator.backward(outputs.loss)
    assert outputs.logits.dtype == torch.float32
    continued = model(tokens_of(), past_key_values=outputs.past_key_values).logits
    assert torch.isfinite(continued).all()
    assert type(accelerator.unwrap_model(model)) is MetaLSTMForCausalLM


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")  # nothing is changed in place here
def test_fully_sharded_layers_have_the_same_gradients_and_generate(make_model, mesh):
    model = make_model(**DEFAULT)
    tokens = tokens_of()
    expected = gradients_of(model, model(tokens, labels=tokens).loss)
    said = model.generate(tokens, **ENDLESS)
    for module in (model.model.lstm, *model.model.mlstm, model):
        fully_shard(module, mesh=mesh)
    model(tokens, labels=tokens).loss.backward()
    actual = {name: parameter.grad.full_tensor() for name, parameter in model.named_parameters()}
    assert_same_gradients(actual, expected)
    assert torch.equal(model.generate(tokens, **ENDLESS), said)


def test_a_state_passes_through_distributed_data_parallel(make_model, mesh):
    model = make_model(**DEFAULT)
    tokens = tokens_of()
    expected = gradients_of(model, model(tokens, labels=tokens).loss)
    wrapped = DistributedDataParallel(model)
    outputs = wrapped(input_ids=tokens[:, :9])
    torch.testing.assert_close(
        wrapped(input_ids=tokens[:, 9:], past_key_values=outputs.past_key_values).logits, model(tokens).logits[:, 9:]
    )
    assert_same_gradients(gradients_of(model, wrapped(input_ids=tokens, labels=tokens).loss), expected)


# Saving, loading, copying


def save_in_shards(model, folder):
    model.save_pretrained(folder, max_shard_size="5KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1


def save_without_metadata(model, folder):
    model.save_pretrained(folder)
    save_file(model.state_dict(), folder / "model.safetensors")


def save_as_pickle(model, folder):
    model.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def save_compiled(model, folder):
    torch.compile(model, backend="eager").save_pretrained(folder)


@pytest.mark.parametrize("save", [save_in_shards, save_without_metadata, save_as_pickle, save_compiled])
def test_a_folder_loads_however_its_weights_were_saved(default, tmp_path, save):
    save(default, tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(loaded(tokens_of()).logits, default(tokens_of()).logits)


def test_a_variant_of_the_weights_has_its_own_file(default, tmp_path):
    default.save_pretrained(tmp_path, variant="fp64")
    assert (tmp_path / "model.fp64.safetensors").exists()
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, variant="fp64")
    assert torch.equal(loaded(tokens_of()).logits, default(tokens_of()).logits)


def test_safetensors_saves_a_shared_matrix_once(make_model, tmp_path):
    shape = {"embedding_size": 16, "tie_word_embeddings": True}
    model, other = make_model(**shape), make_model(**shape)
    save_model(model, tmp_path / "model.safetensors")
    assert load_model(other, tmp_path / "model.safetensors") == (set(), [])
    assert torch.equal(other(tokens_of()).logits, model(tokens_of()).logits)


def through_a_file(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    "clone",
    [
        copy.deepcopy,
        through_a_file,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda m: AveragedModel(m).module,
    ],
    ids=["deepcopy", "torch.save", "pickle", "moving average"],
)
def test_a_whole_model_is_copied(default, clone):
    copied = clone(default)
    assert torch.equal(copied.generate(tokens_of(), **ENDLESS), default.generate(tokens_of(), **ENDLESS))
    with torch.no_grad():
        copied.model.lstm.weight_hh_l0.zero_()
    assert default.model.lstm.weight_hh_l0.any()


@pytest.mark.parametrize("clone", [copy.deepcopy, through_a_file], ids=["deepcopy", "torch.save"])
def test_a_model_is_copied_while_it_generates(default, clone):
    """A checkpoint from one thread while another answers; the copy learns and answers as any model."""
    copies = []

    class Copying(StoppingCriteria):
        def __call__(self, input_ids, scores, **kwargs):
            copies.append(clone(default))
            return torch.ones(len(input_ids), dtype=torch.bool)

    default.generate(tokens_of(), stopping_criteria=StoppingCriteriaList([Copying()]), **ENDLESS)
    copied, *_ = copies
    assert torch.equal(copied.generate(tokens_of(), **ENDLESS), default.generate(tokens_of(), **ENDLESS))
    with torch.no_grad():
        copied.model.lstm.weight_hh_l0.zero_()
        default.model.lstm.weight_hh_l0.zero_()
    assert torch.equal(copied.generate(tokens_of(), **ENDLESS), default.generate(tokens_of(), **ENDLESS))


def test_weights_come_to_an_empty_model(default, tmp_path):
    default.save_pretrained(tmp_path)
    with init_empty_weights():
        empty = AutoModelForCausalLM.from_config(default.config)
    loaded = load_checkpoint_and_dispatch(empty, str(tmp_path / "model.safetensors"), device_map={"": "cpu"})
    assert torch.equal(loaded(tokens_of()).logits, default(tokens_of()).logits)


def test_weights_are_brought_for_each_layer(default):
    expected = default(tokens_of()).logits
    offloaded = cpu_offload(default, execution_device="cpu")
    assert offloaded.lm_head.weight.device.type == "meta"
    assert torch.equal(offloaded(tokens_of()).logits, expected)


def test_attention_that_is_asked_for_is_refused_in_a_sentence(default, tmp_path):
    default.save_pretrained(tmp_path)
    assert type(AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager")) is MetaLSTMForCausalLM
    for name, sentence in (("sdpa", "does not support an attention"), ("flash_attention_2", "does not support Flash")):
        with pytest.raises(ValueError, match=sentence):
            AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation=name)


def test_another_default_dtype_is_of_new_models_only(make_model, tmp_path):
    make_model().save_pretrained(tmp_path)
    torch.set_default_dtype(torch.float64)
    try:
        new = MetaLSTMForCausalLM(MetaLSTMConfig(embedding_size=8, hidden_size=8, **DEFAULT)).eval()
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
        assert new(tokens_of(), attention_mask=torch.rand(2, 20) < 0.8).logits.dtype == torch.float64
        assert loaded(tokens_of()).logits.dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


SCRIPT = """
import sys
sys.modules["modeling_metalstm"] = None  # a process without our package
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], trust_remote_code=True)
print(model.generate(**tokenizer("\\u2401 s0 \\u2402", return_tensors="pt"), max_new_tokens=3).tolist())
"""


def test_a_process_without_utf_8_and_without_asserts_trusts_the_code(make_model, tmp_path):
    model, tokenizer = make_model(**DEFAULT), build_tokenizer()
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "model-v1.0")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    environment |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-O", "-c", SCRIPT, "model-v1.0"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    expected = model.generate(**tokenizer("␁ s0 ␂", return_tensors="pt"), max_new_tokens=3)
    assert done.stdout.strip() == str(expected.tolist())


TOKENIZER_ALONE = """
import sys
sys.modules["modeling_metalstm"] = None
from transformers import AutoTokenizer
for trust in ({}, {"trust_remote_code": False}):
    print(AutoTokenizer.from_pretrained(sys.argv[1], **trust)("\\u2401 s0 \\u2402").input_ids)
"""


@pytest.mark.parametrize("layers", [{}, DEFAULT], ids=["lstms", "default"])
def test_the_tokenizer_needs_no_code(make_model, layers, tmp_path):
    for part in (make_model(**layers), build_tokenizer()):
        part.save_pretrained(tmp_path / "model")
    command = [sys.executable, "-c", TOKENIZER_ALONE, str(tmp_path / "model")]
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[12, 0, 13]\n") == 2


# Quantisation


def quantize(model, kinds):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        quantized = torch.ao.quantization.quantize_dynamic(model, kinds)
    return quantized, [str(warning.message) for warning in said if "LSTM layers" in str(warning.message)]


def test_dynamically_quantized_matrices_read_and_generate(make_model, stack):
    model = make_model(scale=1.0, **stack)
    quantized, said = quantize(model, {torch.nn.Linear})
    assert len(said) == ("lstm" in model.config.layer_types)
    assert type(quantized.lm_head) is not torch.nn.Linear
    tokens = tokens_of()
    with torch.no_grad():
        torch.testing.assert_close(quantized(tokens).logits, model(tokens).logits, rtol=0, atol=0.1)
        last = quantized(tokens, logits_to_keep=1).logits  # what is multiplied together is rounded together
    generated = quantized.generate(tokens, **ENDLESS)
    assert generated.shape == (2, 25) and torch.equal(generated[:, 20], last[:, 0].argmax(dim=-1))


def test_lstm_layers_that_stay_as_they_are_are_told(make_model):
    model = make_model()
    quantized, said = quantize(model, {torch.nn.LSTM})
    assert said == [
        "torch.ao's quantisation knows torch.nn.LSTM alone, not what derives from it: this model's LSTM layers "
        "stay as they are."
    ]
    assert torch.equal(quantized(tokens_of()).logits, model(tokens_of()).logits)
    assert not quantize(make_model(layer_types=["mlstm"]), {torch.nn.LSTM})[1]


# Generation


def test_guidance_contrasts_two_states(default):
    prompt, without = tokens_of(1, 11), tokens_of(1, 4, seed=1)
    actual = default.generate(prompt, guidance_scale=1.7, negative_prompt_ids=without, **ENDLESS)
    for _ in range(5):
        with_it, without_it = (default(read).logits[:, -1].log_softmax(dim=-1) for read in (prompt, without))
        token = (without_it + 1.7 * (with_it - without_it)).argmax(dim=-1)[None]
        prompt, without = torch.cat([prompt, token], dim=1), torch.cat([without, token], dim=1)
    assert torch.equal(actual, prompt)


def test_transition_scores_are_the_model_s(default):
    prompt = tokens_of(2, 11)
    kept = {"return_dict_in_generate": True, "output_scores": True}
    greedy = default.generate(prompt, **kept, **ENDLESS)
    scores = default.compute_transition_scores(greedy.sequences, greedy.scores, normalize_logits=True)
    logits = default(greedy.sequences).logits[:, 10:-1].log_softmax(dim=-1)
    expected = logits.gather(2, greedy.sequences[:, 11:, None])[..., 0]
    torch.testing.assert_close(scores.double(), expected, rtol=0, atol=1e-5)
    beams = default.generate(prompt, num_beams=3, length_penalty=0.0, **kept, **ENDLESS)
    scores = default.compute_transition_scores(beams.sequences, beams.scores, beams.beam_indices)
    torch.testing.assert_close(scores.sum(dim=1), beams.sequences_scores)


def test_only_allowed_words_are_said_and_criteria_stop(default):
    class AfterTwo(StoppingCriteria):
        def __call__(self, input_ids, scores, **kwargs):
            return torch.full((len(input_ids),), input_ids.shape[1] == 13)

    said = default.generate(
        tokens_of(2, 11),
        prefix_allowed_tokens_fn=lambda row, tokens: [6, 7],
        stopping_criteria=StoppingCriteriaList([AfterTwo()]),
        **ENDLESS,
    )[:, 11:]
    assert said.shape == (2, 2) and set(said.flatten().tolist()) <= {6, 7}


@pytest.mark.parametrize("name", ["model.lstm", "model.mlstm.0", "model.mlstm.1", "model.norm", "lm_head"])
def test_a_hook_on_a_layer_changes_what_is_generated(default, name):
    """Steering and patching: `generate()` reads tokens one by one through the same modules as a whole sequence."""

    def turn(module, inputs, outputs):
        return (-2 * outputs[0], *outputs[1:]) if isinstance(outputs, tuple) else -2 * outputs

    before = default(tokens_of()).logits
    default.get_submodule(name).register_forward_hook(turn)
    assert not torch.allclose(default(tokens_of()).logits, before)
    expected = tokens_of()
    for _ in range(5):
        expected = torch.cat([expected, default(expected).logits[:, -1:].argmax(dim=-1)], dim=1)
    assert torch.equal(default.generate(tokens_of(), **ENDLESS), expected)


def test_text_streams_word_by_word(make_model):
    model, tokenizer = make_model(scale=4.0), build_tokenizer()
    prompt = tokenizer(EPISODE, return_tensors="pt")
    text = tokenizer.decode(model.generate(**prompt, **ENDLESS)[0])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        model.generate(**prompt, streamer=TextStreamer(tokenizer), **ENDLESS)
    assert printed.getvalue() == text + "\n"
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
    thread = threading.Thread(target=model.generate, kwargs={**prompt, "streamer": streamer, **ENDLESS})
    thread.start()
    assert "".join(streamer).split() == text.split()[prompt.input_ids.shape[1] :]
    thread.join()


def test_threads_generate_at_once(default):
    """A server's threads share one model."""
    prompts = [tokens_of(1, length, seed=length) for length in range(5, 11)]
    alone = [default.generate(prompt, **ENDLESS) for prompt in prompts]
    together = {}

    def work(number):
        for _ in range(3):
            together[number] = default.generate(prompts[number], **ENDLESS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(together[number], expected) for number, expected in enumerate(alone))


def test_a_state_is_kept_in_a_file(default):
    prompt, more = tokens_of(2, 11), tokens_of(2, 4, seed=1)
    with torch.no_grad():
        state = default(prompt).past_key_values
        file = io.BytesIO()
        torch.save(state, file)
        file.seek(0)
        expected = default(more, past_key_values=copy.deepcopy(state)).logits
        for again in (torch.load(file, weights_only=False), pickle.loads(pickle.dumps(state))):
            assert torch.equal(default(more, past_key_values=again).logits, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_state_outlives_a_change_of_the_model_s_dtype(make_model, dtype):
    model = make_model(scale=1.0, **DEFAULT)
    tokens = tokens_of(2, 12)
    with torch.no_grad():
        expected = model(tokens).logits[:, -1]
        state = model(tokens[:, :-1]).past_key_values
        actual = model.to(dtype)(tokens[:, -1:], past_key_values=state).logits[:, 0]
    assert actual.dtype == dtype
    torch.testing.assert_close(actual.float(), expected, rtol=0, atol=0.03)


def test_a_config_without_a_cache_generates_the_same(default):
    expected = default.generate(tokens_of(), **ENDLESS)
    default.config.use_cache = False
    assert default(tokens_of()).past_key_values is None
    assert torch.equal(default.generate(tokens_of(), **ENDLESS), expected)


def test_masks_and_tokens_come_in_other_dtypes_and_layouts(default):
    tokens = tokens_of(3, 11)
    mask = torch.ones(3, 11, dtype=torch.long)
    mask[1, :4] = 0
    expected = default(tokens, attention_mask=mask).logits
    for other in (mask.bool(), mask.float(), mask.int(), mask.t().contiguous().t()):
        assert torch.equal(default(tokens, attention_mask=other).logits, expected)
    for other in (tokens.int(), tokens.t().contiguous().t()):
        assert torch.equal(default(other, attention_mask=mask).logits, expected)
    assert torch.equal(default.generate(tokens.int(), **ENDLESS).long(), default.generate(tokens, **ENDLESS))


def test_new_words_are_added_to_the_tokenizer_and_the_model(default):
    tokenizer, tokens = build_tokenizer(), tokens_of()
    before = default(tokens).logits
    assert tokenizer.add_tokens(["dax", "wif"]) == 2
    default.resize_token_embeddings(len(tokenizer))  # new vectors around the mean of the old
    torch.testing.assert_close(default(tokens).logits[..., :15], before)
    prompt = tokenizer("␁ s0 dax ␂ wif", return_tensors="pt")
    assert prompt.input_ids.tolist() == [[12, 0, 15, 13, 16]]
    assert default.generate(**prompt, **ENDLESS).shape == (1, 10)


def test_a_vocabulary_is_not_cut_below_the_alphabet(default):
    before = default(tokens_of()).logits
    with pytest.raises(ValueError, match=r"at least 15, for 6 source words, 6 target words .*, not 10\.$"):
        default.resize_token_embeddings(10)
    assert torch.equal(default(tokens_of()).logits, before)
    default.resize_token_embeddings(20)
    default.resize_token_embeddings(15)
    default.resize_token_embeddings()
    torch.testing.assert_close(default(tokens_of()).logits, before)


# Pipelines and the tokenizer


@pytest.fixture
def writer(default):
    return pipeline("text-generation", model=default, tokenizer=build_tokenizer())


def test_a_text_pipeline_answers_batches_as_one_by_one(writer):
    prompts = [EPISODE, "␁ s0 ␂ t1 ␁ s0 ␂", "␁ s3 ␂"]
    given = {"max_new_tokens": 4, "return_full_text": False}
    alone = [writer(prompt, **given) for prompt in prompts]
    assert writer(prompts, batch_size=2, **given) == alone
    assert list(writer((prompt for prompt in prompts), **given)) == alone
    rows = Dataset.from_dict({"text": prompts})
    assert list(writer(KeyDataset(rows, "text"), batch_size=3, **given)) == alone
    tokens = writer(EPISODE, max_new_tokens=4, return_tensors=True)[0]["generated_token_ids"]
    assert writer.tokenizer.decode(tokens[16:], skip_special_tokens=True) == alone[0][0]["generated_text"]


@pytest.mark.parametrize("prompt", [EPISODE + " ", EPISODE + " t2 "])
def test_what_a_text_pipeline_returns_can_be_read_again(writer, prompt):
    given = {"max_new_tokens": 3, "skip_special_tokens": False}
    text = writer(prompt, **given)[0]["generated_text"]
    said = writer(prompt, return_full_text=False, **given)[0]["generated_text"]
    assert said and text == prompt + said
    tokenizer = writer.tokenizer
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_a_feature_pipeline_gives_the_hidden_states(default, tmp_path):
    default.save_pretrained(tmp_path)
    build_tokenizer().save_pretrained(tmp_path)
    features = pipeline("feature-extraction", model=str(tmp_path))(["␁ s0 ␂", EPISODE], batch_size=2)
    tokens = build_tokenizer()(EPISODE, return_tensors="pt").input_ids
    with torch.no_grad():
        expected = default.model(tokens).last_hidden_state
    np.testing.assert_allclose(features[1], expected, atol=1e-6)


def test_a_final_message_is_continued_and_tools_change_nothing():
    tokenizer = build_tokenizer()
    turns = [{"role": "user", "content": "s0 s1"}, {"role": "assistant", "content": "t3"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False, continue_final_message=True) == "␁ s0 s1 ␂ t3"
    plain = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    tool = {"type": "function", "function": {"name": "look", "description": "up", "parameters": {"type": "object"}}}
    for others in ({"tools": [tool]}, {"documents": [{"title": "t", "text": "u"}]}, {"enable_thinking": False}):
        assert tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True, **others) == plain
    chats = tokenizer.apply_chat_template(
        [turns[:1], [*turns, {"role": "user", "content": "s1"}]],
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
    )
    assert chats.attention_mask.sum(dim=1).tolist() == [4, 8]


def test_the_tokenizer_splits_pads_and_travels():
    tokenizer = build_tokenizer()
    assert tokenizer(["s0", "s1"], is_split_into_words=True).input_ids == [0, 1]
    assert tokenizer("␁s0 s1␂").input_ids == tokenizer("␁ s0\ts1\n␂").input_ids == [12, 0, 1, 13]
    padded = tokenizer(["s0", "s0 s1"], padding="max_length", max_length=3, return_tensors="np")
    assert padded.input_ids.tolist() == [[14, 14, 0], [14, 0, 1]]
    assert tokenizer("s0 s1", return_offsets_mapping=True).offset_mapping == [(0, 2), (3, 5)]
    for other in (pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer)):
        assert other(EPISODE).input_ids == tokenizer(EPISODE).input_ids
    # `datasets.map` finds its cache again: what was padded or cut before doesn't change the fingerprint.
    assert Hasher.hash(tokenizer) == Hasher.hash(build_tokenizer())
