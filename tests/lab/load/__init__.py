# SPDX-License-Identifier: GPL-3.0-or-later
"""Live users of the practice estate: they browse and write through the edge, and afterwards every acknowledged write is looked for.

``python -m tests.lab.load run --dir DIR --rate N --until STOPFILE`` and ``python -m tests.lab.load audit --dir DIR``, both inside the
lab's network (``tests/lab/enter``). DIR then holds ``requests.jsonl`` (every request), ``writes.jsonl`` (acknowledged writes),
``unanswered.jsonl`` (writes whose fate nobody knows), ``meta.json`` and ``audit.json``.
"""

EDGE = "10.77.0.10"
WWW = "www.community.lab"
CLASSIC = "classic.community.lab"
