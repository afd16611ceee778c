"""The exit codes of train.py, and the sentence that it prints when it fails.

0      done
1      it couldn't go on (a full disk, another process that ended, numbers gone wrong), or a fault of ours, which
       alone has a traceback
2      bad input, nothing written
3      trained, but not pushed to the Hub
130    stopped by SIGINT, saved, resumable
143    stopped by SIGTERM, saved, resumable
"""

import os
from collections.abc import Callable

from metatrans_lab.errors import TrainingError, UserError, exit_with, storage_error, tell
from metatrans_lab.runs.processes import lost_process

FAILED, NOT_PUSHED = 1, 3

RESUME = "the same command goes on with --resume_from_checkpoint latest"
"""What a run that can be resumed says."""


def guarded(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Runs `main` and gives the exit code. Failures that aren't faults of ours are told in one sentence.

    Raises:
        SystemExit: the input was bad.
        Exception: a fault of ours; it keeps its traceback.
    """
    try:
        return main(arguments)
    except UserError as error:
        exit_with(error, "train.py")
    except TrainingError as error:
        tell("train.py", str(error))
    except Exception as error:
        lost, full = lost_process(error), storage_error(error)
        if lost:
            rank = os.environ.get("RANK", "0")
            tell("train.py", f"process {rank} ends, as another one has: {RESUME}", everywhere=True)
        elif full:
            tell("train.py", f"{full}; what was saved before is still there")
        else:
            raise
    return FAILED
