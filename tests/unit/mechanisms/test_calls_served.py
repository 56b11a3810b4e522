"""Calls that a daemon serves in a row are those that it would accept one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.payment_channel import Channel, calls_served, daemon_accepts


@given(
    calls=st.integers(0, 12),
    price=st.integers(1, 9),
    signed=st.integers(0, 30),
    value=st.integers(0, 60),
    expiration=st.integers(0, 20),
    block=st.integers(0, 20),
    threshold=st.integers(0, 5),
)
def test_one_by_one_the_daemon_accepts_as_many(calls, price, signed, value, expiration, block, threshold):
    channel = Channel("client", "client", "service", None, value, expiration, nonce=3)
    served, amount = 0, signed
    while served < calls and daemon_accepts(
        channel, amount + price, 3, "client", amount, price, block, threshold
    ):
        served, amount = served + 1, amount + price
    assert calls_served([calls], [price], [signed], [value], [expiration], block, threshold).tolist() == [
        served
    ]


def test_amounts_beyond_64_bits_stay_exact():
    value = np.array([10**21], dtype=object)  # 1,000 tokens of 18 decimals
    served = calls_served(
        np.array([10**6], dtype=object), np.array([3 * 10**15], dtype=object), [0], value, [9], 1
    )
    assert served.tolist() == [333_333]


def test_free_calls_need_no_channel():
    with pytest.raises(ValueError, match="price"):
        calls_served([1], [0], [0], [5], [9], 1)
