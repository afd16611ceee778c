"""
Your own architecture, trained by train.py and measured as any other is: it is registered, then train.py runs.

    python examples/own_architecture/run.py --config configs/tiny.yaml --name gru --model "{model_type: my-gru}"

docs/your-own-model.md says what it must have.
"""

import sys
from pathlib import Path

from transformers import AutoConfig, AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # where train.py is

from modeling_gru import GruConfig, GruForCausalLM  # type: ignore[import-not-found]  # it lies beside this file

from metatrans_lab.runs.exit_codes import guarded
from train import main

AutoConfig.register(GruConfig.model_type, GruConfig)
AutoModelForCausalLM.register(GruConfig, GruForCausalLM)
# Their file goes along with the model, so that others load it, with trust_remote_code=True.
GruConfig.register_for_auto_class()
GruForCausalLM.register_for_auto_class("AutoModelForCausalLM")

if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
