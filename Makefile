# Each target makes its environment first if that is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test test-slow test-faults test-oldest conformance demo test-demo bench gpu studies audit quality style

train: .venv/ready  # the main job: a translator in outputs/cpu; ARGS="--seed 1 --name other" changes what you like
	$(BIN)/accelerate launch --quiet --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no \
		train.py --config configs/cpu.yaml $(ARGS)

test: .venv/ready  # all tests; none needs the network
	$(BIN)/python -m pytest $(ARGS)

test-slow: .venv/ready  # the long runs of benchmarks and studies, some minutes; `make test` leaves them out
	$(BIN)/python -m pytest -m slow $(ARGS)

test-faults: .venv/ready  # kills, broken files, full disks, dying processes, rubbish: all of it, and the table
	METATRANS_FUZZ=10 $(BIN)/python -m pytest -m "" tests/faults $(ARGS)

test-oldest: .venv-oldest/ready  # the same tests on the oldest versions that setup.cfg allows
	.venv-oldest/bin/python -m pytest $(ARGS)

conformance: .venv/ready  # transformers' own model tests, fetched from the package registry, on our classes
	$(BIN)/python -m pytest -m conformance -s $(ARGS)

demo: .venv-demo/ready  # the web page, on this machine alone: http://127.0.0.1:7860
	.venv-demo/bin/metatrans demo $(ARGS)

test-demo: .venv-demo/ready  # drives the page in a real browser, if there is one: Debian's chromium and chromium-driver
	.venv-demo/bin/python -m pytest tests/metatrans_lab/apps/demo tests/metatrans_lab/page/test_views.py \
		tests/metatrans_lab/page/test_exact_in_browser.py tests/metatrans_lab/page/test_in_browser.py \
		tests/metatrans_lab/page/test_grammarian_in_browser.py \
		tests/test_train.py::test_trackio_gets_the_log_and_asks_for_nothing $(ARGS)

bench: .venv/ready  # side by side with the post's procedures and the peers; into benchmarks/results and its README
	@for name in data predictor training generation startup puzzles export distributed step_profile time_to_optimum; do \
		echo "benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py $(ARGS) || exit 1; echo; \
	done
	$(BIN)/python benchmarks/report.py

gpu:  # all that waits for a GPU, by the Python that is there and its torch: a quarter of an hour, into benchmarks/results/gpu
	PYTHONPATH=.:benchmarks $(PYTHON) benchmarks/gpu.py $(ARGS)

studies: .venv/ready  # every table of RESULTS.md: ten hours on two cores, less if outputs/ has their runs from before
	@for name in optimum unseen beyond probe layers cells calibration scale translator bindings peers post families invented; do \
		echo "studies/$$name.py"; $(BIN)/python studies/$$name.py $(ARGS) || exit 1; echo; \
	done

audit: .venv-audit/ready  # known vulnerabilities of the tested versions; fails where their database can't be reached
	@.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement constraints.txt || \
		{ echo "audit: a vulnerability, or a version that couldn't be looked up: see above. Nothing is vouched for."; exit 1; }

quality: .venv/ready  # lints and checks types (a minute the first time), changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

style: .venv/ready  # mends what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/ready: setup.cfg constraints.txt
.venv-oldest/ready: setup.cfg constraints-oldest.txt
.venv-demo/ready: setup.cfg constraints-demo.txt
# gradio and trackio need an older pillow than is tested elsewhere.
.venv-demo/ready: EXTRAS = dev,demo,browser,trackio
.venv/ready .venv-oldest/ready .venv-demo/ready:
	@echo "installing into $(@D): some minutes, once"
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(lastword $^) --editable ".[$(or $(EXTRAS),dev)]"
	@touch $@

.venv-audit/ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	@touch $@
