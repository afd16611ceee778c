# Each target makes .venv first if it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEED ?= 0

.PHONY: train test bench quality style clean

train: $(VENV)/ready  ## the main job: a translator in outputs/cpu, in about a minute on two CPU cores
	$(BIN)/accelerate launch --quiet --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no \
		train.py --config configs/cpu.yaml $(ARGS)

test: $(VENV)/ready  ## the whole test suite; needs no network
	$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/ready  ## side by side with the post's procedures; writes benchmarks/results
	$(BIN)/python benchmarks/data.py

quality: $(VENV)/ready  ## lints, changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

style: $(VENV)/ready  ## formats and mends what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/ready: setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@
