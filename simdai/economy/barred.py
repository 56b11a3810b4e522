"""Providers that may not work: where it is forbidden, and those that are cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simdai.economy.provider_book import ProviderBook

if TYPE_CHECKING:
    from simdai.economy.compute_market import ComputeMarket

__all__ = ["Barred"]

Ints = NDArray[np.int64]


class Barred:
    """Who of a population may not work for the time being; true while that is somebody.

    Parameters
    ----------
    jurisdictions, pools : names of places, and the market's pool of each
    book : of the population; providers are named by their rows in it
    """

    def __init__(
        self, compute: ComputeMarket, jurisdictions: list[str], pools: list[int], book: ProviderBook
    ) -> None:
        self.compute, self.jurisdictions, self.pools, self.book = compute, jurisdictions, pools, book
        self._bans = dict.fromkeys(jurisdictions, 0)  # in force at once
        self.dark: dict[int, int] = {}
        """Rows that are cut off, by the number of failures at once."""

    def __bool__(self) -> bool:
        return bool(self.dark) or any(self._bans.values())

    @property
    def places(self) -> set[str]:
        """Jurisdictions where nobody may work."""
        return {place for place, bans in self._bans.items() if bans}

    def may_work(self, k: Ints) -> NDArray[np.bool_]:
        """Whether the providers ``k`` are neither banned nor cut off."""
        places = self.places
        barred = [place for place, name in enumerate(self.jurisdictions) if name in places]
        if not barred and not self.dark:
            return np.ones(len(k), dtype=bool)
        free: NDArray[np.bool_] = ~np.isin(self.book.place[k], barred) & ~np.isin(k, list(self.dark))
        return free

    # -- places ----------------------------------------------------------------------------------------------

    def ban(self, jurisdiction: str) -> None:
        """Nobody there may work any more, nor enter, until as many bans are lifted as were laid."""
        if jurisdiction in self._bans:
            self._bans[jurisdiction] += 1
            self.compute.market.ban(self._uids(jurisdiction))

    def unban(self, jurisdiction: str) -> None:
        """Lift one ban; with the last one those there may work again."""
        if self._bans.get(jurisdiction, 0) == 0:
            return
        self._bans[jurisdiction] -= 1
        if not self._bans[jurisdiction]:
            uids = self._uids(jurisdiction)
            dark = self.book.uid[np.array(list(self.dark), dtype=np.int64)]
            self.compute.market.unban(uids[~np.isin(uids, dark)])

    def _uids(self, jurisdiction: str) -> Ints:
        pool = self.pools[self.jurisdictions.index(jurisdiction)]
        uids: Ints = self.compute.market.providers(pool)["uid"]
        return uids

    # -- single providers ------------------------------------------------------------------------------------

    def cut_off(self, k: Ints) -> None:
        """The providers ``k`` go dark and fail what they run, until as many `reconnect` as cut them off."""
        for row in k.tolist():
            self.dark[row] = self.dark.get(row, 0) + 1
        self.compute.market.ban(self._still_there(k))

    def reconnect(self, k: Ints) -> None:
        """Undo one `cut_off` of the providers ``k``."""
        for row in k.tolist():
            self.dark[row] -= 1
            if not self.dark[row]:
                del self.dark[row]
        self.compute.market.unban(self._still_there(k[self.may_work(k)]))

    def _still_there(self, k: Ints) -> Ints:
        """Market's numbers of those rows ``k`` that it still knows."""
        known = [self.compute.market.providers(pool)["uid"] for pool in self.pools]
        uids: Ints = self.book.uid[k]
        return uids[np.isin(uids, np.concatenate(known))]
