"""What breaks a design, and at what cost: a search for the cheapest break of a stated property."""

from simdai.experiments.stress.property import Property
from simdai.experiments.stress.search import Search, cheapest_break

__all__ = ["Property", "Search", "cheapest_break"]
