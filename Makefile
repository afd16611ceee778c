# Each target makes .venv first if it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test conformance bench quality style

train: .venv/ready  # the main job: a translator in outputs/cpu; ARGS="--seed 1 --name other" changes what you like
	$(BIN)/accelerate launch --quiet --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no \
		train.py --config configs/cpu.yaml $(ARGS)

test: .venv/ready  # all tests; none needs the network
	$(BIN)/python -m pytest $(ARGS)

conformance: .venv/ready  # transformers' own model tests, fetched from the package registry, on our classes
	$(BIN)/python -m pytest -m slow -s tests/modeling_metalstm/test_conformance.py $(ARGS)

bench: .venv/ready  # side by side with the post's procedures; writes benchmarks/results
	$(BIN)/python benchmarks/data.py

quality: .venv/ready  # lints, changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

style: .venv/ready  # mends what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/ready: setup.cfg constraints.txt
	@echo "installing into .venv: some minutes, once"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@
