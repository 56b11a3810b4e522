"""Markers and hypothesis settings of the whole suite."""

import os

import pytest
from hypothesis import settings

# Machines that run the tests are shared and slow at times, so no example has a deadline.
# CI draws the same examples each time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: large counts, run by 'make slow' and left out of 'make test'")
    config.addinivalue_line(
        "markers", "statistical: replications against a closed form, with a stated false-alarm rate"
    )
