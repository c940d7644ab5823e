# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback, by running real playbooks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = Path(sys.executable).parent / "ansible-playbook"
LONG = "The plan has no guests; " + "this is a long story that must not be wrapped " * 4 + "— run the playbook plan"
PLAYBOOK = f"""
- name: Story | First
  hosts: localhost
  gather_facts: false
  vars:
    estate_dir: "{{{{ lookup('ansible.builtin.env', 'ESTATE_OF_THE_TEST') }}}}"
  tasks:
    - name: Quiet
      ansible.builtin.assert: {{that: true, quiet: true}}
    - name: Skipped
      ansible.builtin.fail: {{msg: never}}
      when: false
    - name: Say
      ansible.builtin.debug: {{msg: "wave 2 | mariadb | ready"}}
    - name: Write
      ansible.builtin.copy: {{content: "new\\n", dest: "{{{{ estate_dir }}}}/file", mode: "0600"}}
    - name: Ignored
      ansible.builtin.fail: {{msg: "this may fail"}}
      ignore_errors: true
- name: Story | Second
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Nothing
      ansible.builtin.assert: {{that: true, quiet: true}}
- name: Story | Third
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Refuse
      ansible.builtin.assert: {{that: false, fail_msg: "{LONG}"}}
"""


def play(tmp_path: Path, *options: str, playbook: str = PLAYBOOK) -> subprocess.CompletedProcess[str]:
    (tmp_path / "story.yml").write_text(playbook, encoding="utf-8")
    (tmp_path / "estate").mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "LOTSE_"))}
    environment |= {"ESTATE_OF_THE_TEST": str(tmp_path / "estate"), "ANSIBLE_DEPRECATION_WARNINGS": "1", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "t")}
    python = f"ansible_python_interpreter={sys.executable}"
    argv = [str(COMMAND), str(tmp_path / "story.yml"), "-i", "localhost,", "-c", "local", "-e", python, *options]
    return subprocess.run(argv, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    path = tmp_path_factory.mktemp("callback")
    return path, play(path, "--diff")


def test_shows_what_changes_and_hides_what_does_not(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output = told[1].stdout
    assert re.search(r"^ +0:\d\d Story \| First$", output, re.MULTILINE)
    assert re.search(r"^ +0:\d\d   changed localhost: Write \(\d+\.\d s\)$", output, re.MULTILINE)
    assert re.search(r"^ +0:\d\d   localhost: wave 2 \| mariadb \| ready$", output, re.MULTILINE)
    assert "Quiet" not in output
    assert "Skipped" not in output
    assert output.count("nothing to change (1 ok, 0 skipped") == 1


def test_shows_differences_as_the_default_does(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert re.search(r"^--- before\n\+\+\+ after: .*/file\n@@ -0,0 \+1 @@\n\+new$", told[1].stdout, re.MULTILINE)


def test_shows_a_failure_once_in_full_and_unwrapped(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    done = told[1]
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count(LONG) == 1
    assert re.search(r"FAILED localhost: Refuse\n", done.stdout)
    assert re.search(r"FAILED localhost: Ignored \[ignored\]\n +this may fail\n", done.stdout)
    assert re.search(r"task at .*/story\.yml:\d+", done.stdout)


def test_the_recap_is_the_default_one_and_without_colours(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output = told[1].stdout
    recap = output.rsplit("PLAY RECAP", 1)[1]
    match = re.search(r"^(\S+)\s+: (.+)$", recap, re.MULTILINE)
    assert match
    counts = dict(re.findall(r"(\w+)=(\d+)", match[2]))
    assert (match[1], counts) == (
        "localhost",
        {"ok": "5", "changed": "1", "unreachable": "0", "failed": "1", "skipped": "1", "rescued": "0", "ignored": "1"},
    )
    assert "\x1b" not in output


def test_warns_of_nothing(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert "[WARNING]" not in told[1].stderr
    assert "[DEPRECATION" not in told[1].stderr + told[1].stdout


def test_keeps_when_playbook_and_plays_ran(told: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    rows = [json.loads(line) for line in (told[0] / "estate" / "journal" / "phases.jsonl").read_text(encoding="utf-8").splitlines()]
    plays = [f"Story | {name}" for name in ("First", "Second", "Third")]
    assert [row["name"] for row in rows if row["event"] == "play started"] == plays
    assert [row["name"] for row in rows if row["event"] == "play ended"] == plays
    assert rows[-1]["event"] == "playbook ended"
    assert rows[-1]["elapsed_s"] >= sum(row["elapsed_s"] for row in rows if row["event"] == "play ended") - 0.1


def test_check_mode_keeps_nothing(tmp_path: Path) -> None:
    done = play(tmp_path, "--check", "--diff")
    assert "Story | First [CHECK MODE]" in done.stdout
    assert list((tmp_path / "estate").iterdir()) == []


def test_with_v_it_is_the_default(tmp_path: Path) -> None:
    output = play(tmp_path, "-v").stdout
    assert "TASK [Quiet] ***" in output
    assert "skipping: [localhost]" in output
    assert "PLAY [Story | First] ***" in output


def test_an_estate_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "journal").write_text("a file in the way", encoding="utf-8")
    done = play(tmp_path)
    assert "[WARNING]" not in done.stderr
    assert "PLAY RECAP" in done.stdout


def test_ansible_doc_knows_it() -> None:
    argv = [str(COMMAND.with_name("ansible-doc")), "-t", "callback", "lotse.estate.crossing"]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "live line" in done.stdout
