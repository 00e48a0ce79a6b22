"""What several tests of this room need."""

from __future__ import annotations

from typing import Any

import pytest
from fake_bench import fake_bench


@pytest.fixture
def bench() -> Any:
    """All in order; a test sets what is not."""
    return fake_bench()
