"""Markers and hypothesis settings of the whole suite."""

import os
import signal

import pytest
from hypothesis import settings

from simdai.errors import ScenarioError
from simdai.schema import Scenario, check, library_scenarios, load

# Machines that run the tests are shared and slow at times, so no example has a deadline.
# CI draws the same examples each time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


# A shell starts what it runs in the background with interrupts ignored, and children inherit that; tests of
# what an interrupt does need it as it is in the foreground.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: large counts, run by 'make slow' and left out of 'make test'")
    config.addinivalue_line(
        "markers", "statistical: replications against a closed form, with a stated false-alarm rate"
    )


@pytest.fixture(scope="session")
def library() -> dict[str, Scenario]:
    """Every shipped scenario, loaded once; what cannot be loaded is told by `check`."""
    try:
        return {name: load(name) for name in library_scenarios()}
    except ScenarioError:
        pytest.fail("\n".join(map(str, check(library_scenarios()))))
