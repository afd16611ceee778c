"""What every test starts from: no network, no caches of the user's, no progress bars."""

import os
import tempfile

# Read at import by the libraries, so set before any of them is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = os.environ.get("METATRANS_TEST_HF_HOME") or tempfile.mkdtemp(prefix="metatrans-tests-")
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
os.environ.pop("OMP_NUM_THREADS", None)

import importlib.util
import signal
from pathlib import Path

import pytest
import torch

from .hub.hub_fixture import hub, hub_here, our_waits, waits

__all__ = ["hub", "hub_here", "our_waits", "train", "waits"]

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that would be skipped fails instead, as in CI")


def refuse_skip(report: pytest.CollectReport | pytest.TestReport, config: pytest.Config):
    """The report, as a failure if it is of a skip and `--no-skips` was given."""
    if config.getoption("no_skips") and report.skipped and not hasattr(report, "wasxfail"):
        *_, reason = report.longrepr
        report.outcome, report.longrepr = "failed", f"{report.nodeid} isn't to be skipped here. {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector):
    return refuse_skip((yield), collector.config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item):
    return refuse_skip((yield), item.config)


@pytest.fixture
def train_script():
    """train.py as a module."""
    specification = importlib.util.spec_from_file_location("train_script", ROOT / "train.py")
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    return script


@pytest.fixture
def train(train_script, tmp_path, monkeypatch):
    """`train(*arguments)` runs train.py in this process, on the tiny config, in an empty folder."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = torch.get_num_threads()

    def run(*arguments: str) -> int:
        for state in (AcceleratorState, GradientState, PartialState):
            state._reset_state()
        return train_script.main(["--config", str(ROOT / "configs" / "tiny.yaml"), "--num_threads", "1", *arguments])

    yield run
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)
