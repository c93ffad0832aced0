"""Script that runs a command and writes its time and memory; it imports nothing from this package.

``process_cost.py RESULT COMMAND...`` writes wall-clock and CPU seconds and peak memory as JSON; its exit status is that
of the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def run_and_measure(result: Path, command: list[str]) -> int:
    """Run a command; write its wall-clock and CPU seconds and its peak memory; return its exit status.

    A process inherits the peak memory of its parent, so the parent has to be this small script.
    """
    started = time.monotonic()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    unit = 1.0 if sys.platform == "darwin" else 1024.0
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    facts = {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_rss_mb": usage.ru_maxrss * unit / 1e6,
        "status": code,
    }
    result.write_text(json.dumps(facts), encoding="utf-8")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run_and_measure(Path(sys.argv[1]), sys.argv[2:]))
