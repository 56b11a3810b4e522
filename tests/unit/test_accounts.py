"""Balances of one asset: exact, checked, and the same compiled and in Python."""

import numpy as np
import pytest

from simdai.kernel import COMPILED, accounts_reference

KINDS = [pytest.param(accounts_reference.Accounts, id="reference")]
if COMPILED:
    from simdai.kernel import _market

    KINDS.append(pytest.param(_market.Accounts, id="compiled"))

LARGEST = 2**63 - 1

pytestmark = pytest.mark.parametrize("kind", KINDS)


def funded(kind, *amounts):
    accounts = kind(len(amounts))
    for index, amount in enumerate(amounts):
        accounts.mint(amount, index)
    return accounts


def test_new_accounts_are_empty_and_counted(kind):
    accounts = kind(2)
    assert len(accounts) == 2
    assert accounts.add(3) == 2 and accounts.add() == 5 and accounts.add(0) == 6
    assert len(accounts) == 6
    assert accounts.balances.tolist() == [0] * 6 and accounts.balances.dtype == np.int64


def test_a_transfer_moves_what_it_says(kind):
    accounts = funded(kind, 100, 5)
    accounts.transfer(30, 0, 1)
    assert accounts.balances.tolist() == [70, 35]
    accounts.transfer(0, 0, 1)
    accounts.transfer(70, 0, 1)
    assert accounts.balances.tolist() == [0, 105]
    assert (accounts.minted, accounts.burned, accounts.total()) == (105, 0, 105)


def test_minting_and_burning_are_counted(kind):
    accounts = funded(kind, 100)
    accounts.burn(40, 0)
    assert (accounts.minted, accounts.burned, accounts.balance(0), accounts.total()) == (100, 40, 60, 60)


def test_an_account_cannot_give_what_it_does_not_have(kind):
    accounts = funded(kind, 100, 0)
    for act in (lambda: accounts.transfer(101, 0, 1), lambda: accounts.burn(101, 0)):
        with pytest.raises(ValueError, match="account 0 holds 100, less than 101"):
            act()
    assert accounts.balances.tolist() == [100, 0] and accounts.burned == 0


def test_only_named_accounts_may_fall_below_zero(kind):
    accounts = kind(3)
    accounts.allow_negative(1)
    accounts.transfer(50, 1, 0)
    assert accounts.balances.tolist() == [50, -50, 0]
    with pytest.raises(ValueError, match="account 2 holds 0"):
        accounts.transfer(1, 2, 0)
    accounts.burn(7, 1)
    assert accounts.balance(1) == -57 and accounts.total() + accounts.burned == accounts.minted


def test_a_transfer_to_itself_does_nothing_even_without_funds(kind):
    accounts = funded(kind, 5)
    accounts.transfer(100, 0, 0)
    assert accounts.balance(0) == 5


@pytest.mark.parametrize("amount", [-1, -(2**70)])
def test_a_negative_amount_is_refused(kind, amount):
    accounts = funded(kind, 10, 10)
    for act in (
        lambda: accounts.transfer(amount, 0, 1),
        lambda: accounts.mint(amount, 0),
        lambda: accounts.burn(amount, 0),
    ):
        with pytest.raises(ValueError, match="an amount must be >= 0"):
            act()
    assert accounts.balances.tolist() == [10, 10]


@pytest.mark.parametrize("amount", [2**63, 2**64, 10**30])
def test_an_amount_beyond_64_bits_is_refused(kind, amount):
    accounts = funded(kind, 10, 10)
    accounts.allow_negative(0)
    for act in (
        lambda: accounts.transfer(amount, 0, 1),
        lambda: accounts.mint(amount, 0),
        lambda: accounts.burn(amount, 0),
    ):
        with pytest.raises(OverflowError, match="64 bits"):
            act()
    assert accounts.balances.tolist() == [10, 10] and (accounts.minted, accounts.burned) == (20, 0)


@pytest.mark.parametrize("amount", [1.0, 1.5, float("nan"), "1", None])
def test_an_amount_that_is_no_whole_number_is_refused(kind, amount):
    accounts = funded(kind, 10, 10)
    for act in (
        lambda: accounts.transfer(amount, 0, 1),
        lambda: accounts.mint(amount, 0),
        lambda: accounts.burn(amount, 0),
    ):
        with pytest.raises(TypeError):
            act()
    assert accounts.balances.tolist() == [10, 10] and (accounts.minted, accounts.burned) == (20, 0)


@pytest.mark.parametrize("account", [-1, 2, 2**31, 2**63, -(2**70)])
def test_an_account_that_does_not_exist_is_refused(kind, account):
    accounts = funded(kind, 10, 10)
    for act in (
        lambda: accounts.transfer(1, account, 0),
        lambda: accounts.transfer(1, 0, account),
        lambda: accounts.mint(1, account),
        lambda: accounts.burn(1, account),
        lambda: accounts.balance(account),
        lambda: accounts.allow_negative(account),
    ):
        with pytest.raises(IndexError, match=f"no account {account}; there are 2"):
            act()
    assert accounts.balances.tolist() == [10, 10] and accounts.minted == 20


@pytest.mark.parametrize("n", [-1, 2**31, 2**62, 2**80])
def test_an_impossible_number_of_accounts_is_refused(kind, n):
    with pytest.raises(ValueError, match=f"cannot open {n} accounts"):
        kind(n)
    accounts = kind(1)
    with pytest.raises(ValueError, match=f"cannot open {n} accounts"):
        accounts.add(n)
    assert len(accounts) == 1


def test_balances_go_up_to_the_end_of_64_bits_and_not_beyond(kind):
    accounts = kind(3)
    accounts.allow_negative(2)
    accounts.mint(LARGEST, 0)
    with pytest.raises(OverflowError):
        accounts.mint(1, 0)
    accounts.transfer(5, 2, 1)
    with pytest.raises(OverflowError):
        accounts.transfer(1, 1, 0)
    assert accounts.balances.tolist() == [LARGEST, 5, -5], "a refused transfer leaves both ends as they were"
    accounts.transfer(LARGEST, 0, 2)
    assert accounts.balances.tolist() == [0, 5, LARGEST - 5]


def test_a_negative_balance_goes_down_to_the_end_of_64_bits_and_not_beyond(kind):
    accounts = kind(3)
    accounts.allow_negative(0)
    accounts.transfer(LARGEST, 0, 1)
    assert accounts.balance(0) == -LARGEST
    with pytest.raises(OverflowError):
        accounts.transfer(1, 0, 2)
    assert accounts.balances.tolist() == [-LARGEST, LARGEST, 0]


def test_totals_and_flows_are_exact_beyond_64_bits(kind):
    n = 5
    accounts = kind(n)
    for index in range(n):
        accounts.mint(LARGEST, index)
    assert accounts.total() == accounts.minted == n * LARGEST
    for index in range(n):
        accounts.burn(LARGEST - 1, index)
    assert accounts.burned == n * (LARGEST - 1) and accounts.total() == n
    below = kind(4)
    for index in range(3):
        below.allow_negative(index)
        below.burn(LARGEST, index)
    assert below.total() == -3 * LARGEST


def test_numbers_of_numpy_are_amounts_like_others(kind):
    accounts = kind(2)
    big = np.int64(2**62)
    for _ in range(3):
        accounts.mint(big, np.int32(0))
        accounts.burn(big, np.uint8(0))
    assert accounts.minted == accounts.burned == 3 * 2**62
    assert type(accounts.minted) is int and type(accounts.balance(0)) is int
    accounts.mint(big, 0)
    with pytest.raises(OverflowError):
        accounts.mint(big, 0)


def test_many_transfers_happen_in_order_until_one_cannot(kind):
    accounts = funded(kind, 100, 0, 0)
    assert accounts.transfer_many([60, 40, 5], [0, 0, 1], [1, 2, 2]) == -1
    assert accounts.balances.tolist() == [0, 55, 45]
    # The first makes 10 on account 0; the second wants 11 of them; the third is not tried.
    assert accounts.transfer_many([10, 11, 10], [1, 0, 2], [0, 2, 0]) == 1
    assert accounts.balances.tolist() == [10, 45, 45]
    # The order matters: what comes in can go out again.
    assert accounts.transfer_many([45, 55], [1, 0], [0, 2]) == -1
    assert accounts.balances.tolist() == [0, 0, 100] and accounts.total() == 100


def test_many_transfers_can_share_an_end(kind):
    accounts = funded(kind, 100, 0, 0)
    assert accounts.transfer_many(np.array([30, 20]), 0, np.array([1, 2])) == -1
    assert accounts.transfer_many(np.array([5, 6], dtype=np.int32), [1, 2], 0) == -1
    assert accounts.transfer_many(7, 0, 1) == -1 and accounts.transfer_many([], [], []) == -1
    assert accounts.balances.tolist() == [54, 32, 14]


@pytest.mark.parametrize(
    ("row", "place"),
    [((-1, 0, 1), 1), ((1, 3, 1), 1), ((1, 0, -1), 1), ((LARGEST, 0, 1), 1), ((999, 1, 1), -1)],
)
def test_many_transfers_stop_at_the_one_that_is_impossible(kind, row, place):
    accounts = funded(kind, 100, 0, 0)
    amounts, sources, targets = zip((1, 0, 2), row, (1, 0, 2), strict=True)
    assert accounts.transfer_many(amounts, sources, targets) == place
    assert accounts.balance(2) == (1 if place == 1 else 2)


def test_many_transfers_take_whole_numbers_only(kind):
    accounts = funded(kind, 100, 0)
    for arguments in (
        ([1.5], [0], [1]),
        ([1], [0.0], [1]),
        ([1], 0, ["1"]),
        ([True], [0], [1]),
        ([2**70], [0], [1]),
    ):
        with pytest.raises(TypeError, match="whole numbers"):
            accounts.transfer_many(*arguments)
    with pytest.raises(OverflowError, match="64 bits"):
        accounts.transfer_many(np.array([2**63], dtype=np.uint64), 0, 1)
    for arguments in (([[1]], 0, 1), ([1, 2], [0, 0, 0], 1)):
        with pytest.raises(ValueError, match="shape"):
            accounts.transfer_many(*arguments)
    assert accounts.balances.tolist() == [100, 0]


def test_balances_are_a_copy(kind):
    accounts = funded(kind, 10)
    accounts.balances[0] = 99
    assert accounts.balance(0) == 10


def test_flows_cannot_be_set(kind):
    accounts = funded(kind, 10)
    for name in ("minted", "burned"):
        with pytest.raises(AttributeError):
            setattr(accounts, name, 3)


def test_growing_keeps_balances_and_permissions(kind):
    accounts = funded(kind, 1, 2, 3)
    accounts.allow_negative(1)
    for _ in range(200):
        accounts.add(7)
    assert accounts.balances[:3].tolist() == [1, 2, 3] and accounts.balances[3:].sum() == 0
    accounts.transfer(10, 1, 1402)
    assert accounts.balance(1) == -8 and accounts.balance(1402) == 10


def test_many_transfers_stop_at_the_first_that_cannot_be_made(kind):
    accounts = kind(3)
    accounts.mint(10, 0)
    assert accounts.transfer_many([4, 0, 3], 0, [1, 2, 2]) == -1
    assert accounts.balances.tolist() == [3, 4, 3]
    assert accounts.transfer_many([1, 9, 1], [1, 0, 2], [0, 1, 1]) == 1
    assert accounts.balances.tolist() == [4, 3, 3]  # the first was made, the third was not tried
    assert accounts.transfer_many([1], [7], [0]) == 0
    assert accounts.transfer_many([-1], [0], [1]) == 0
    assert accounts.total() == 10
