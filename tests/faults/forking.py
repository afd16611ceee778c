"""A process that has imported train.py, and forks a run of it whenever it is asked: a start costs no imports.

It reads a job a line, in JSON, and answers each with a line:
  {"start": [arguments], "folder": …, "output": …, "environment": {…}, "fault": {…}} → the child's process id
  {"wait": its id, "seconds": …} → its exit code, negative for a signal's number; null if it is still running
"""

import errno
import json
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

WRITING = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


def plan(fault: dict) -> None:
    """Has something happen in this process when it goes about a file in the run's folder for the n-th time.

    Args:
        fault: `at_event` n, counted from 1; `folder`; `kind`: "kill", or an errno's name, and `again`: whether every
            later time too; `absent`: the rank that dies at once; or `no_privileges`: to be root without root's rights
            over others' files.
    """
    if fault.get("no_privileges"):
        import ctypes

        # capabilities(7): version 3, this process, and three empty sets of 64 bits.
        nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        if ctypes.CDLL(None, use_errno=True).capset(*nothing):
            raise OSError(ctypes.get_errno(), "capset")
    if fault.get("absent") == int(os.environ.get("RANK", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    if "limit" in fault:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (fault["limit"],) * 2)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if "at_event" not in fault:
        return
    folder, count = fault["folder"], 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal count
        if event not in WRITING or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if folder not in os.fsdecode(arguments[0]):
            return
        count += 1
        if count == fault["at_event"] or (count > fault["at_event"] and fault.get("again")):
            if fault["kind"] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            code = getattr(errno, fault["kind"])
            raise OSError(code, os.strerror(code))

    sys.addaudithook(hook)


def start(job: dict) -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in (1, 2):
            os.dup2(output, stream)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(job["folder"])
        os.environ.update(job.get("environment", {}))
        plan(job.get("fault", {}))
        code = train.guarded(train.main, job["start"])
    except SystemExit as end:
        code = end.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(child: int, seconds: float) -> int | None:
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            return None
        time.sleep(0.002)


if __name__ == "__main__":
    import train

    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(start(job) if "start" in job else wait(job["wait"], job["seconds"])), flush=True)
