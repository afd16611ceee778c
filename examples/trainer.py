"""
`transformers.Trainer` trains a MetaLSTM on `load_dataset("metatrans")`; every argument of it can be given.

    python examples/trainer.py --max_steps 3000 --output_dir outputs/trainer

Small, for a look: it ends on its way to the optimum. `train.py` has what it takes to get there, a curriculum and an
optimiser of its own.
"""

from functools import partial

import numpy as np
from datasets import load_dataset
from transformers import HfArgumentParser, Trainer, TrainingArguments

from dataset_script import pad_rows  # the import makes load_dataset("metatrans") work, too
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, build_tokenizer

ALPHABET = {"num_source_words": 4, "num_target_words": 4}
LANGUAGE = {"num_pairs": 8, "sentence_length": 1, "loss_on": "targets"}
MODEL = {"embedding_size": 32, "hidden_size": 64, "initialization": "metalstm"}
TRAINING = {
    "output_dir": "outputs/trainer",
    "max_steps": 1500,
    "per_device_train_batch_size": 64,
    "per_device_eval_batch_size": 512,
    "learning_rate": 5e-3,
    "warmup_steps": 50,
    "logging_steps": 100,
    "dataloader_pin_memory": False,
    "report_to": "none",
}


def main(arguments: list[str] | None = None) -> None:
    parser = HfArgumentParser(TrainingArguments)
    parser.set_defaults(**TRAINING)
    (training,) = parser.parse_args_into_dataclasses(arguments)

    rows = load_dataset("metatrans", **ALPHABET, **LANGUAGE)
    model = MetaLSTMForCausalLM(MetaLSTMConfig(**ALPHABET, **MODEL))
    trainer = Trainer(
        model=model,
        args=training,
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
        data_collator=partial(pad_rows, pad=model.config.pad_token_id),
        processing_class=build_tokenizer(**ALPHABET),
    )
    trainer.train()
    trainer.save_model()

    # A loss on targets where lengths vary is to be compared on target words alone: ␂ then comes for nothing.
    validation = rows["validation"].with_format("numpy")
    optimum = validation["bayes_nll"][:][np.not_equal(validation["labels"][:], -100)].mean()
    print(f"{trainer.evaluate()['eval_loss']:.4f} nats a token; the Bayes optimum is {optimum:.4f}")


if __name__ == "__main__":
    main()
