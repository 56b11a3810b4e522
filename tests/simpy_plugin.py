"""A pytest plugin that lets SimPy's own test-suite run on simdai's clock.

The suite makes every environment as ``simpy.Environment()``, so putting another class under that name is
enough. Load it by its bare name (``-p simpy_plugin``, with this folder on the path): the suite's package is
called ``tests`` as well.
"""

import pytest
import simpy
import simpy.core

from simdai.engine import Environment

made = 0


class Counted(Environment):
    """Our clock; counts how often the suite makes one."""

    def __init__(self, *arguments, **options):
        global made
        made += 1
        super().__init__(*arguments, **options)


def pytest_configure(config: pytest.Config) -> None:
    simpy.Environment = Counted
    simpy.core.Environment = Counted


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"simdai's environment was made {made} times")
