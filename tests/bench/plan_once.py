# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.bench.plan_once PARAMETERS``: what the module estate_plan does, in this process; prints its seconds and its peak memory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    begun = time.monotonic()
    # Loading the code is part of what a user waits for.
    from ansible_collections.lotse.estate.plugins.module_utils._ansible import plan_args, plan_run

    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    defaults = {name: option.get("default") for name, option in plan_args.plan_spec().items()}
    plan_run.run({**defaults, **given}, check=False)
    print(json.dumps({"seconds": time.monotonic() - begun, "mib": peak_kib() / 1024}))


def peak_kib() -> int:
    """The most memory that this program had. ``getrusage`` would count what its parent had before it was started, too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
