# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.bench.plan_once PARAMETERS``: what the module estate_plan does, in this process; prints its seconds and its peak memory."""

from __future__ import annotations

import json
import resource
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.monotonic() - begun, "mib": peak}))


if __name__ == "__main__":
    main()
