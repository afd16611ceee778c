import pytest
import torch

from dataset_script import LanguageConfig
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.models.build import build_model
from metatrans_lab.training.muon import Muon
from metatrans_lab.training.optimization import build_optimizers, set_learning_rates
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM

SETTINGS = {
    "metalstm": {"embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2},
}


@pytest.mark.parametrize("model_type", SETTINGS)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon"])
def test_every_parameter_has_one_optimiser(model_type, optimizer):
    model = build_model({"model_type": model_type} | SETTINGS[model_type], LanguageConfig())
    optimizers = build_optimizers(model, TrainingConfig(optimizer=optimizer))
    owned = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())


def test_muon_has_the_matrices_and_knows_the_gates():
    model = build_model({"model_type": "metalstm"} | SETTINGS["metalstm"], LanguageConfig())
    muon, adamw = build_optimizers(model, TrainingConfig(optimizer="muon"))
    assert isinstance(muon, Muon) and isinstance(adamw, torch.optim.AdamW)
    (group,) = muon.param_groups
    assert group["blocks"] == 4 and {tuple(p.shape) for p in group["params"]} == {(64, 8), (64, 16)}
    gpt2 = build_model({"model_type": "gpt2"} | SETTINGS["gpt2"], LanguageConfig())
    assert [g["blocks"] for g in build_optimizers(gpt2, TrainingConfig(optimizer="muon"))[0].param_groups] == [1]


def test_muon_cuts_a_memory_s_projections_and_leaves_its_gates():
    shape = {"embedding_size": 8, "hidden_size": 16, "num_heads": 2, "layer_types": ["lstm", "mlstm_example", "mlstm"]}
    model = MetaLSTMForCausalLM(MetaLSTMConfig(**shape))
    muon, adam = build_optimizers(model, TrainingConfig(optimizer="muon"))
    fours, whole = muon.param_groups
    memories = model.model.mlstm
    of_memories = {id(memory.in_proj.weight) for memory in memories}
    assert fours["blocks"] == 4 and whole["blocks"] == 1
    assert {id(p) for p in fours["params"]} == of_memories | {
        id(p) for p in model.model.lstm.parameters() if p.ndim == 2
    }
    assert {id(p) for p in whole["params"]} == {id(memory.out_proj.weight) for memory in memories}
    left = {id(p) for group in adam.param_groups for p in group["params"]}
    assert {id(memory.gates.weight) for memory in memories} <= left


def test_learning_rates_are_factors_of_their_base():
    model = build_model({"model_type": "metalstm"} | SETTINGS["metalstm"], LanguageConfig())
    optimizers = build_optimizers(model, TrainingConfig(optimizer="muon", learning_rate=0.01, muon_learning_rate=0.04))
    for factor in (0.5, 0.25):
        set_learning_rates(optimizers, factor)
        assert [o.param_groups[0]["lr"] for o in optimizers] == [0.04 * factor, 0.01 * factor]
