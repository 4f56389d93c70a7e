"""What is true from the first import on, and so is looked at in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

LOOK = "import os, sys, bot.memory; assert 'numpy' not in sys.modules; print(os.environ['OPENBLAS_NUM_THREADS'])"


@pytest.mark.parametrize(("given", "kept"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "4"}, "4")])
def test_matrices_stay_on_one_core_unless_somebody_says_otherwise(given: dict[str, str], kept: str) -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], env=given, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == kept
