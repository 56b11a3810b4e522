"""A figure of the report, and which series it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Panel"]


@dataclass(frozen=True)
class Panel:
    """A figure of the report: which series it takes and what it says.

    Parameters
    ----------
    title : of the figure
    pattern : regular expression; its group ``who`` names the curve, its group ``what`` (if any) the measure
    sentence : what the figure shows
    facets : one pair of axes for each ``who``, its curves named by ``what``
    floor : whether the axis begins at zero
    of : sections of the scenario that ``who`` must be named in; empty where it need not
    """

    title: str
    pattern: str
    sentence: str
    facets: bool = False
    floor: bool = True
    of: tuple[str, ...] = ()

    def chosen(self, names: Sequence[str], document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
        """Series name to (who, what), for the series that this figure takes."""
        named = {name for section in self.of for name in document.get(section, {})}
        found = {}
        for name in names:
            match = re.fullmatch(self.pattern, name)
            if match and (not self.of or match["who"] in named):
                groups = match.groupdict()
                what = re.sub(r"\.(count|margin)$", "", groups.get("what") or "")
                found[name] = (groups["who"], {"count": "all", "margin": "all"}.get(what, what))
        return found
