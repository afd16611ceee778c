"""Runs of train.py that are started in an instant, and the table of the faults that they were put through."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from safetensors.torch import load_file

from metatrans_lab.runs.checkpoints import list_checkpoints, load_checkpoint

FOLDER = Path(__file__).parent
TINY = FOLDER.parents[1] / "configs" / "tiny.yaml"
ROWS = pytest.StashKey[dict[tuple[str, str], list[int]]]()


@dataclass
class Run:
    """A child that trains.

    Attributes:
        pid: its process id.
        output: the file of all that it says.
    """

    runs: "Runs"
    pid: int
    output: Path

    def wait(self, seconds: float = 120) -> int:
        """Its exit code; a signal's number, negative, if one ended it."""
        code = self.runs.ask({"wait": self.pid, "seconds": seconds})
        assert code is not None, f"still running after {seconds} s: {self.said}"
        return code

    def ended(self, seconds: float) -> int | None:
        return self.runs.ask({"wait": self.pid, "seconds": seconds})

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.is_file() else ""


@dataclass
class Runs:
    """Forks runs off a process that has imported train.py."""

    logs: Path
    process: subprocess.Popen = field(init=False)
    count: int = 0

    def __post_init__(self):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        self.process = subprocess.Popen(
            [sys.executable, str(FOLDER / "forking.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | {"MPLBACKEND": "Agg"},
        )

    def ask(self, job: dict):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self,
        folder: Path,
        *arguments: str,
        fault: dict | None = None,
        environment: dict | None = None,
        threads: int = 1,
    ) -> Run:
        """A run on the tiny config, in a folder that its relative paths are seen from."""
        self.count += 1
        output = self.logs / f"{self.count}.log"
        full = ["--config", str(TINY), "--num_threads", str(threads), *map(str, arguments)]
        job = {"start": full, "folder": str(folder), "output": str(output)}
        job |= {"fault": fault or {}, "environment": environment or {}}
        return Run(self, self.ask(job), output)

    def start_many(self, number: int, folder: Path, *arguments: str, **more) -> list[Run]:
        """A run of several processes, by gloo, as a launcher would start them."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        together = {"WORLD_SIZE": str(number), "LOCAL_WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1"}
        together |= {"MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "GLOO_SOCKET_IFNAME": "lo"}
        return [
            self.start(folder, *arguments, environment=together | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, **more)
            for rank in range(number)
        ]


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Iterator[Runs]:
    runs = Runs(tmp_path_factory.mktemp("said"))
    yield runs
    runs.process.stdin.close()
    runs.process.wait(20)


def weights_of(folder: Path) -> dict:
    return load_file(folder / "model.safetensors")


def outcome(folder: Path) -> tuple:
    """All that a run made, but for how long it took and which threads and folder it was given."""
    results = json.loads((folder / "results.json").read_text())
    del results["timing"]
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    log = [{key: value for key, value in line.items() if "second" not in key} for line in lines]
    return results, log, (folder / "model.safetensors").read_bytes()


def whole_ones(folder: Path) -> list[str]:
    """The names of the checkpoints of a folder's run, each of which can be read.

    Raises:
        UserError: one of them is broken.
    """
    found = list_checkpoints(folder / "outputs" / "run")
    for checkpoint in found:
        load_checkpoint(checkpoint)
    return [path.name for path in found]


def pytest_configure(config):
    config.stash.setdefault(ROWS, {})


@pytest.fixture
def survives(request):
    """`survives(fault, injected, survived, lost)` fails if any wasn't survived, and keeps a row for the table."""

    def record(fault: str, injected: int, survived: int, lost: str = "nothing") -> None:
        row = request.config.stash[ROWS].setdefault((fault, lost), [0, 0])
        row[0] += injected
        row[1] += survived
        assert survived == injected > 0

    return record


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, {})
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write_line("| fault | injected | survived | lost |\n| --- | --- | --- | --- |")
        for (fault, lost), (injected, survived) in rows.items():
            terminalreporter.write_line(f"| {fault} | {injected} | {survived} | {lost} |")
