# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every detector, whoever wrote it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning import concerns
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns import DETECTORS
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns.catalogue import page
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns.detector import Detector

from tests.unit.planning import concerns as tests
from tests.unit.planning import test_concerns as mixed

DOCS = Path(__file__).parents[4] / "docs"
OWN_TESTS = {"dependency-against-order", "dependency-ring", "end-of-life", "ipfilter-drops-address", "vrrp-filtered"}  # they need more than one host


def tried(name: str) -> set[str]:
    """Ids with a case in any topic's list of that name."""
    modules: list[Any] = [importlib.import_module(f"{tests.__name__}.{found.name}") for found in pkgutil.iter_modules(tests.__path__)]
    return {case[0] for module in (*modules, mixed) for case in getattr(module, name, ())}


def test_every_detector_was_seen_to_speak() -> None:
    assert {detector.id for detector in DETECTORS} - tried("CASES") - OWN_TESTS == set()


def test_every_detector_was_seen_to_be_silent() -> None:
    """Where something looks like its surprise and is harmless: a detector that cannot be silent says nothing."""
    assert {detector.id for detector in DETECTORS} - tried("SILENT") - OWN_TESTS - {"power-unknown"} == set()


def test_every_surprise_has_a_detector() -> None:
    assert {number for detector in DETECTORS for number in detector.surprise} == set(range(1, 49))


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.id)
def test_its_page_is_written(detector: Detector) -> None:
    assert all((detector.severity, detector.compares, detector.remedy, detector.reference))
    assert any(word in detector.severity for word in ("critical", "warning", "info"))


def test_every_file_is_in_the_catalogue() -> None:
    """A detector that nobody lists never speaks."""
    folder = Path(str(concerns.__file__)).parent
    files = {path for path in folder.glob("*/*.py") if not path.name.startswith("_")}
    assert len({detector.id for detector in DETECTORS}) == len(DETECTORS)
    assert {path.stem.replace("_", "-") for path in files} <= {detector.id for detector in DETECTORS}


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.id)
def test_words_say_nothing_of_secrets_and_fit_a_line(detector: Detector) -> None:
    assert detector.title[0].isupper()
    assert not detector.title.endswith(".")


def test_the_page_is_that_of_the_detectors() -> None:
    assert (DOCS / "concerns.md").read_text(encoding="utf-8") == page(DETECTORS), "write it anew: scripts/catalogue"
