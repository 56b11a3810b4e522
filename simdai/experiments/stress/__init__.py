"""What breaks a design: a battery of stresses with its verdict, and the search for the cheapest break."""

from simdai.experiments.stress.battery import Battery, load_battery
from simdai.experiments.stress.break_point import break_point
from simdai.experiments.stress.challenge import Challenge
from simdai.experiments.stress.mend import Mended, mend, tipping
from simdai.experiments.stress.property import Property
from simdai.experiments.stress.scorecard import Scorecard, stress
from simdai.experiments.stress.search import Search, cheapest_break

__all__ = [
    "Battery",
    "Challenge",
    "Mended",
    "Property",
    "Scorecard",
    "Search",
    "break_point",
    "cheapest_break",
    "load_battery",
    "mend",
    "stress",
    "tipping",
]
