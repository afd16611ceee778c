import os
import time
from functools import partial

import pytest

from metatrans_lab.experiments.worker import Worker


def test_a_contestant_in_a_process_of_its_own():
    worker = Worker(partial, time.sleep, 0.02, environment=dict(os.environ))
    assert worker.process.pid != os.getpid() and worker.seconds_a_call(2) >= 0.02
    memory = worker.memory()
    assert 0 < memory["before"] <= memory["peak"]
    worker.close()
    assert worker.process.exitcode == 0


def test_it_has_the_environment_that_it_is_given_and_an_error_in_it_is_one_here():
    reads = (partial, eval, "__import__('os').environ['ONLY_THERE']")
    worker = Worker(*reads, environment=dict(os.environ) | {"ONLY_THERE": "1"})
    assert worker.seconds_a_call(1) > 0 and "ONLY_THERE" not in os.environ
    worker.close()
    worker = Worker(*reads, environment=dict(os.environ))
    with pytest.raises(RuntimeError, match="a contestant's process ended"):
        worker.seconds_a_call(1)
    worker.close()
