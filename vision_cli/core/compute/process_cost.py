"""A stand-alone script that runs a command and writes its time and memory; it imports nothing of this package.

``process_cost.py RESULT COMMAND...`` writes wall and CPU seconds and peak memory as JSON, and ends as the command did.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def measure(result: Path, command: list[str]) -> int:
    """Run a command; write its wall and CPU seconds and its peak memory; return its exit status.

    A process inherits the peak memory of the one that starts it, so this small one stands between.
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
    sys.exit(measure(Path(sys.argv[1]), sys.argv[2:]))
