# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows a crossing while it runs: what changes, what fails, and how long it has taken."""

from __future__ import annotations

DOCUMENTATION = r"""
name: crossing
type: stdout
short_description: Compact output with elapsed time, and a live line on a terminal
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Shows each play, each task that changed something and each failure, with the time that has passed since the start.
  - Tasks that had nothing to do are counted, not shown. With C(-v) the output is that of P(ansible.builtin.default#callback).
  - Failures are printed in full, once, with the message as it is, unwrapped.
  - With C(--diff) differences are shown as the default callback shows them.
  - On a terminal, the bottom line shows the play, the task, the wave, move and phase that the journal tells, and the time.
    Without a terminal there are only plain lines, and no colours.
  - Start and end of playbooks and plays are appended to C(journal/phases.jsonl) of the estate, for the report's timeline; not in check mode.
    The estate is the play's variable C(estate_dir), else the option O(estate_dir).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
options:
  display_ok_hosts:
    default: false
  display_skipped_hosts:
    default: false
  display_included_hosts:
    default: false
  result_format:
    default: yaml
  result_yaml_line_width:
    description: Width at which long lines of results are broken.
    type: str
    default: no-break
    choices: [default, no-break, terminal-width]
    env:
      - name: ANSIBLE_CALLBACK_YAML_LINE_WIDTH
    ini:
      - section: defaults
        key: callback_result_yaml_line_width
  live_line:
    description: Whether to keep a live line at the bottom of a terminal.
    type: bool
    default: true
    env:
      - name: LOTSE_LIVE_LINE
  estate_dir:
    description: Directory of the estate, where the plays do not say it.
    type: path
    env:
      - name: LOTSE_ESTATE_DIR
requirements:
  - set as C(stdout_callback) in the configuration
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812 - the name that Ansible's own plugins use
from ansible import context
from ansible.errors import AnsibleError
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible.template import Templar
from ansible_collections.lotse.estate.plugins.module_utils._ansible.live_line import LiveLine, usable
from ansible_collections.lotse.estate.plugins.module_utils._ansible.phases import Doing, Phases

INDENT = " " * 9
# What a failure's report leaves out: shown elsewhere, or of no use to a person.
HIDDEN = ("msg", "changed", "failed", "unreachable", "diff", "invocation", "exception", "warnings", "deprecations", "stdout_lines", "stderr_lines",
          "results", "skip_reason", "ansible_facts", "ansible_loop_var", "item")  # fmt: skip


def clock(seconds: float) -> str:
    """``1:02`` or ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class CallbackModule(DefaultCallback):
    """The default callback with -v; compact without it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lotse.estate.crossing"

    def __init__(self) -> None:
        super().__init__()
        self._began, self._began_wall = time.monotonic(), time.time()
        self._play_began = self._began
        self._play_name = self._task_name = self._note = ""
        self._counts: Counter[str] = Counter()
        self._items: Counter[tuple[str, str]] = Counter()
        self._task_began: dict[str, float] = {}
        self._phases, self._doing, self._live = Phases(), None, None  # type: Phases, Doing | None, LiveLine | None

    @property
    def _compact(self) -> bool:
        return int(self._display.verbosity) == 0

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        if not self._compact:
            for name in ("display_ok_hosts", "display_skipped_hosts", "display_included_hosts"):
                self._plugin_options[name] = True

    # The frame: playbook, plays, end

    def v2_playbook_on_start(self, playbook: Any) -> None:
        super().v2_playbook_on_start(playbook)
        self._phases.start("playbook", Path(playbook._file_name or "playbook").name)
        if self.get_option("live_line") and usable(sys.stdout.fileno(), os.environ.get("TERM", "")):
            self._live = LiveLine(sys.stdout.fileno(), self._live_text)
            self._live.start()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._sum_up_play()
        self._play_name, self._play_began = play.get_name().strip(), time.monotonic()
        self._task_name = self._note = ""
        if not context.CLIARGS.get("check"):
            self._find_estate(play)
            self._phases.start("play", self._play_name)
        if self._compact:
            self._play = play
            mark = " [CHECK MODE]" if play.check_mode else ""
            self._display.display(f"\n{self._elapsed()} {self._play_name}{mark}", color=C.COLOR_HIGHLIGHT)
        else:
            super().v2_playbook_on_play_start(play)
        self._draw()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._sum_up_play()
        self._phases.end("play")
        if not context.CLIARGS.get("check"):
            self._phases.end("playbook")
        if self._live:
            self._live.stop()
        super().v2_playbook_on_stats(stats)
        self._display.display(f"Took {clock(time.monotonic() - self._began)}.")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._begin_task(task)
        super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._begin_task(task)
        super().v2_playbook_on_handler_task_start(task)

    def _begin_task(self, task: Any) -> None:
        self._task_name, self._note = task.get_name().strip(), ""
        self._task_began.setdefault(task._uuid, time.monotonic())
        self._draw()

    def _print_task_banner(self, task: Any) -> None:
        """Compact lines carry the task's name themselves."""
        if self._compact:
            self._last_task_banner = task._uuid
        else:
            super()._print_task_banner(task)

    # Results

    def v2_runner_on_ok(self, result: Any) -> None:
        changed = bool(result.result.get("changed"))
        self._counts["changed" if changed else "ok"] += 1
        if not self._compact:
            super().v2_runner_on_ok(result)
            return
        self._handle_warnings_and_exception(result)
        if isinstance(result.task, TaskInclude):
            return
        if result.result.get("_ansible_verbose_always") and "results" not in result.result:
            self._say(result)
        elif changed:
            items = self._items.pop((result.task._uuid, result.host.get_name()), 0)
            self._result_line("changed", result, f"{items} items, " if items > 1 else "", C.COLOR_CHANGED)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        if not self._compact:
            super().v2_runner_item_on_ok(result)
            return
        self._handle_warnings_and_exception(result)
        self._note = str(self._get_item_label(result.result) or "")
        if result.result.get("changed"):
            self._items[result.task._uuid, result.host.get_name()] += 1
        if result.result.get("_ansible_verbose_always"):
            self._say(result)
        self._draw()

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._counts["skipped"] += 1
        if self._compact:
            self._handle_warnings_and_exception(result)
        else:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        if self._compact:
            self._handle_warnings_and_exception(result)
        else:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._counts["failed"] += 1
        if self._compact:
            self._failure("FAILED", result, "ignored" if ignore_errors else "")
        else:
            super().v2_runner_on_failed(result, ignore_errors=ignore_errors)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        if self._compact:
            self._failure("FAILED", result, f"item {self._get_item_label(result.result)}")
        else:
            super().v2_runner_item_on_failed(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._counts["unreachable"] += 1
        if self._compact:
            self._failure("UNREACHABLE", result, "ignored" if result.task.ignore_unreachable else "")
        else:
            super().v2_runner_on_unreachable(result)

    def v2_runner_retry(self, result: Any) -> None:
        if self._compact:
            self._note = f"try {result.result.get('attempts')} of {result.result.get('retries')}"
            self._draw()
        else:
            super().v2_runner_retry(result)

    def v2_on_file_diff(self, result: Any) -> None:
        rows = result.result["results"] if result.task.loop and "results" in result.result else [result.result]
        if self._compact and any(row.get("diff") and row.get("changed") for row in rows):
            self._result_line("diff", result, "", C.COLOR_CHANGED)
        super().v2_on_file_diff(result)

    # Lines

    def _elapsed(self) -> str:
        return f"{clock(time.monotonic() - self._began):>7}"

    def _result_line(self, word: str, result: Any, detail: str, color: str) -> None:
        seconds = time.monotonic() - self._task_began.get(result.task._uuid, time.monotonic())
        took = "" if word == "diff" else f" ({detail}{seconds:.1f} s)"
        self._display.display(f"{self._elapsed()}   {word} {self.host_label(result)}: {result.task.get_name().strip()}{took}", color=color)

    def _say(self, result: Any) -> None:
        """What a debug task has to say, without its envelope."""
        self._clean_results(result.result, result.task.action)
        message = result.result.get("msg")
        text = message if isinstance(message, str) else self._dump_results(result.result).strip("\n")
        self._display.display(f"{self._elapsed()}   {self.host_label(result)}: {text}")

    def _failure(self, word: str, result: Any, mark: str) -> None:
        """Everything that is known about a failure, once: the message as it is, then what else came with it."""
        answer = result.result
        message = str(answer.get("msg") or "")
        self._handle_warnings(answer)
        to_stderr = self.get_option("display_failed_stderr")
        where = result.task.get_path()
        lines = [f"{self._elapsed()}   {word} {self.host_label(result)}: {result.task.get_name().strip()}{f' [{mark}]' if mark else ''}"]
        lines += [INDENT + line for line in message.splitlines()]
        rest = {key: value for key, value in answer.items() if key not in HIDDEN and not key.startswith("_ansible") and value not in ("", None)}
        if rest:
            lines += [INDENT + line for line in self._dump_results(rest).strip("\n").splitlines()]
        if "Traceback" in str(answer.get("exception")):  # with ANSIBLE_DISPLAY_TRACEBACK
            lines += [INDENT + line for line in str(answer["exception"]).splitlines()]
        if where:
            lines.append(f"{INDENT}task at {where}")
        self._display.display("\n".join(lines), color=C.COLOR_SKIP if mark == "ignored" else C.COLOR_ERROR, stderr=to_stderr)

    def _sum_up_play(self) -> None:
        spoken = any(self._counts[name] for name in ("changed", "failed", "unreachable"))
        if self._compact and self._play_name and self._counts.total() and not spoken:
            seconds = time.monotonic() - self._play_began
            self._display.display(f"{INDENT}nothing to change ({self._counts['ok']} ok, {self._counts['skipped']} skipped, {seconds:.1f} s)")
        self._counts.clear()
        self._items.clear()

    # The live line, the journal of phases

    def _live_text(self) -> str:
        doing = self._doing.words() if self._doing else ""
        parts = [self._play_name, doing or self._task_name, self._note if not doing else ""]
        return f" {clock(time.monotonic() - self._began)}  {'  ·  '.join(part for part in parts if part)}"

    def _draw(self) -> None:
        if self._live:
            self._live.draw()

    def _find_estate(self, play: Any) -> None:
        """The play's estate_dir, from the variables of its first host. Plays that cannot say it leave it as it was."""
        directory = self.get_option("estate_dir")
        try:
            manager = play.get_variable_manager()
            hosts = manager._inventory.get_hosts(play.hosts) or [manager._inventory.get_host("localhost")]
            variables = manager.get_vars(play=play, host=hosts[0])
            if "estate_dir" in variables:
                directory = Templar(loader=play.get_loader(), variables=variables).template(variables["estate_dir"])
        except (AnsibleError, AttributeError, LookupError):
            pass
        if directory and (self._phases.estate_dir is None or str(self._phases.estate_dir) != str(directory)):
            self._phases.estate_dir = Path(str(directory))
            self._doing = Doing(self._phases.estate_dir, self._began_wall)
