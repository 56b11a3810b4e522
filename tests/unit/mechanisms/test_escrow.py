"""Escrows, against the contracts' own tests and figures worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.escrow import (
    daemon_accepts,
    daemon_refusal,
    escrow_add_payment,
    escrow_akt_fallback,
    escrow_close,
    escrow_close_payment,
    escrow_deposit,
    escrow_open,
    escrow_settle,
    escrow_view,
    escrow_withdraw,
    job_escrow_new,
    job_escrow_step,
    job_escrow_view,
    mpe_client_next,
    mpe_new,
    mpe_step,
    mpe_view,
)
from simdai.mechanisms.payment_channel import Channel

# --- Akash's lease account. Source: akash-network/node@3efe26bf x/escrow/keeper ---


def paid(account):
    return [payment["paid"] for payment in escrow_view(account)["payments"]]


# keeper_settle_test.go TestSettleFullBlocks: blocks, deposit, rates, funds after, transferred
SETTLEMENTS = [
    (5, 100, [1, 2], 85, [5, 10]),
    (5, 100, [10, 10], 0, [50, 50]),
    (6, 100, [10, 10], -20, [60, 40]),
    (5, 200, [10, 10], 100, [50, 50]),
    (6, 200, [10, 10], 80, [60, 60]),
    (10, 200, [10, 10], 0, [100, 100]),
    (11, 200, [10, 10], -20, [110, 90]),
]


@pytest.mark.parametrize(("blocks", "deposit", "rates", "funds", "transferred"), SETTLEMENTS)
def test_settlements_are_those_of_the_keepers_own_test(blocks, deposit, rates, funds, transferred):
    account = escrow_settle(escrow_open([deposit], rates), blocks)
    assert account.funds == funds
    assert paid(account) == transferred
    assert account.transferred == sum(transferred)
    assert account.state == ("overdrawn" if funds < 0 else "open")


def test_one_payment_without_cover_overdraws_all_of_them():
    # 6 blocks at 10, 1 and 10 from 64: 60, 4 of 6, 0 of 60
    view = escrow_view(escrow_settle(escrow_open([64], [10, 1, 10]), 6))
    assert view == {
        "funds": -62,
        "state": "overdrawn",
        "transferred": 64,
        "payments": [
            {"paid": 60, "unsettled": 0, "state": "overdrawn"},
            {"paid": 4, "unsettled": 2, "state": "overdrawn"},
            {"paid": 0, "unsettled": 60, "state": "overdrawn"},
        ],
    }


def test_the_first_deposit_is_used_first():
    account = escrow_settle(escrow_open([30, 50], [10]), 4)
    assert account.deposits == (0, 40)


def test_decimal_rates_are_charged_in_whole_units_a_settlement():
    # floor(2.5 * 3) = 7; two settlements of 1 and 2 blocks charge floor(2.5) + floor(5)
    assert paid(escrow_settle(escrow_open([100], ["2.5"]), 3)) == [7]
    assert paid(escrow_settle(escrow_settle(escrow_open([100], ["2.5"]), 1), 3)) == [7]
    assert paid(escrow_settle(escrow_open([100], [0.29]), 100)) == [29]  # 0.29 * 100 is below 29 in binary


def test_nothing_happens_at_the_same_height():
    account = escrow_settle(escrow_open([100], [10]), 4)
    assert escrow_settle(account, 4) == account


def test_an_overdrawn_account_is_left_as_it_is_by_settling_and_closing():
    # keeper_test.go Test_Overdraft: closing twice does not change the state
    account = escrow_settle(escrow_open([1000], [10]), 105)
    assert account.funds == -50 and account.settled_at == 105
    assert escrow_settle(account, 200) == account
    assert escrow_close(escrow_close(account, 106), 107) == account


def test_depositing_exactly_the_debt_closes_account_and_payment():
    # keeper_test.go Test_Overdraft
    account = escrow_deposit(escrow_settle(escrow_open([1000], [10]), 105), 50, 105)
    assert escrow_view(account) == {
        "funds": 0,
        "state": "closed",
        "transferred": 1050,
        "payments": [{"paid": 1050, "unsettled": 0, "state": "closed"}],
    }


def test_a_deposit_above_the_debt_is_refunded_without_charging_new_blocks():
    account = escrow_deposit(escrow_settle(escrow_open([1000], [10]), 105), 80, 500)
    assert account.refunds == (0, 30)
    assert paid(account) == [1050]


def test_a_deposit_below_the_debt_fills_earlier_payments_first():
    overdrawn = escrow_settle(escrow_open([64], [10, 1, 10]), 6)
    account = escrow_deposit(overdrawn, 32, 7)
    assert paid(account) == [60, 6, 30]
    assert [p.unsettled for p in account.payments] == [0, 0, 30]
    assert account.funds == -30 and account.state == "overdrawn"


def test_a_deposit_to_an_open_account_does_not_settle():
    account = escrow_deposit(escrow_open([100], [10]), 5, 3)
    assert account.settled_at == 0 and account.funds == 105


def test_closing_pays_out_and_refunds_what_is_left():
    # keeper_test.go Test_AccountSettlement, with 10 blocks at 30 of 1,000
    account = escrow_close(escrow_open([600, 400], [30]), 10)
    assert account.state == "closed" and account.transferred == 300
    assert account.refunds == (300, 400)
    assert account.payments[0].withdrawn == 300 and account.payments[0].balance == 0


def test_a_closed_account_takes_no_call():
    account = escrow_close(escrow_open([100], [10]), 1)
    for call in (escrow_settle, escrow_close):
        with pytest.raises(ValueError, match="closed"):
            call(account, 2)
    with pytest.raises(ValueError, match="closed"):
        escrow_deposit(account, 5, 2)


def test_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="must not be before 4"):
        escrow_settle(escrow_settle(escrow_open([100], [10]), 4), 3)


@pytest.mark.parametrize(
    ("deposits", "rates"), [([-1], [1]), ([1.5], [1]), ([1], [0]), ([1], [-2]), ([1], ["x"])]
)
def test_deposits_are_whole_and_rates_above_zero(deposits, rates):
    with pytest.raises(ValueError, match=r"deposit|rate"):
        escrow_open(deposits, rates)


def test_a_provider_withdraws_its_balance_and_later_closes():
    # keeper_test.go Test_PaymentCreate: 1,000 at 30 a block, withdrawn at 10, closed at 30
    account = escrow_withdraw(escrow_open([1000], [30]), 0, 10)
    assert account.payments[0].withdrawn == 300 and account.funds == 700
    account = escrow_close_payment(account, 0, 30)
    assert account.payments[0].withdrawn == 900
    assert account.state == "open" and account.payments[0].state == "closed"
    with pytest.raises(ValueError, match="payment 0 is closed"):
        escrow_withdraw(account, 0, 40)
    assert escrow_close(account, 60).refunds == (100,)


def test_a_payment_added_later_is_charged_from_then_on():
    account = escrow_add_payment(escrow_open([1000], []), 30, 10)
    assert paid(escrow_settle(account, 11)) == [30]


def test_an_overdrawn_account_takes_no_new_payment():
    with pytest.raises(ValueError, match="overdrawn"):
        escrow_add_payment(escrow_settle(escrow_open([5], [10]), 1), 3, 2)


def test_there_is_no_payment_beyond_the_last():
    with pytest.raises(ValueError, match="has 1 payments"):
        escrow_withdraw(escrow_open([5], [1]), 1, 1)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["settle", "deposit", "withdraw", "close_payment", "close"]), st.integers(0, 40)
    ),
    max_size=12,
)


@given(
    st.lists(st.integers(0, 500), max_size=4),
    st.lists(st.decimals("0.1", "20", places=2), min_size=1, max_size=4),
    CALLS,
)
def test_every_unit_of_an_account_is_a_deposit_a_payment_or_a_refund(deposits, rates, calls):
    account, put_in, height = escrow_open(deposits, rates), sum(deposits), 0
    for name, number in calls:
        if account.state == "closed":
            break
        height += number
        if name == "deposit":
            account, put_in = escrow_deposit(account, number + 1, height), put_in + number + 1
        elif name in ("settle", "close"):
            account = {"settle": escrow_settle, "close": escrow_close}[name](account, height)
        elif account.payments[0].state == "open":
            act = {"withdraw": escrow_withdraw, "close_payment": escrow_close_payment}[name]
            account = act(account, 0, height)
        assert put_in == account.transferred + sum(account.deposits) + sum(account.refunds)
        assert account.transferred == sum(p.paid for p in account.payments)
        debt = sum(p.unsettled for p in account.payments)
        assert account.funds == sum(account.deposits) - debt
        assert (account.state == "overdrawn") == (debt > 0)
        assert min((*account.deposits, *account.refunds), default=0) >= 0


def test_unsettled_credit_is_paid_from_akt_at_the_oracle_price():
    # 90 at 3 USD take 30 of 40 AKT; 60 would take 20, finds 10, and 30 of credit stay open
    assert escrow_akt_fallback([90, 60, 15], 40, 3) == ((30, 10, 0), (0, 30, 15), 0)
    assert escrow_akt_fallback([100], 50, 3) == ((33,), (0,), 17)


# --- SingularityNET. Source: singnet/platform-contracts@48600b95 test/MultiPartyEscrow_test1.js ---

N1, N2, N3 = 42_000, 420_000, 42


def act(state, action, caller, **k):
    state, accepted = mpe_step(state, action, caller, **k)
    assert accepted
    return state


def refuse(state, action, caller, **k):
    after, accepted = mpe_step(state, action, caller, **k)
    assert not accepted and after is state


def opened(value=1000, **k):
    arguments = {"signer": "sue", "recipient": "rob", "value": value, "expiration": 100, **k}
    return act(mpe_new({"ann": value}), "open", "ann", **arguments)


def test_the_simple_wallet_of_the_contracts_own_test():
    state = act(act(mpe_new({}), "deposit", "a0", amount=N1), "deposit", "a4", amount=N2)
    refuse(state, "withdraw", "a4", amount=N2 + 1)
    state = act(state, "withdraw", "a4", amount=N3)
    assert mpe_view(state)["balances"] == {"a0": N1, "a4": N2 - N3}
    assert mpe_view(state)["tokens"] == N1 + N2 - N3
    state = act(act(state, "deposit", "a8", amount=N2), "transfer", "a8", receiver="a9", amount=N1)
    assert (state.balances["a8"], state.balances["a9"]) == (N2 - N1, N1)


def test_the_first_two_channels_of_the_contracts_own_test():
    state = mpe_new({"a0": N1, "a4": N2 - N3})
    first = {"signer": "a0", "recipient": "a5", "expiration": 10**7}
    refuse(state, "open", "a0", value=N1 + 1, **first)
    state = act(state, "open", "a0", value=N1, **first)
    state = act(state, "open", "a4", signer="a4", recipient="a6", group="27", value=2 * N1, expiration=10**7)
    assert state.balances == {"a0": 0, "a4": N2 - N3 - 2 * N1}
    refuse(state, "timeout", "a0", channel=0, block=5)
    state = act(
        state, "claim", "a5", channel=0, actual=N1 - 1000, planned=N1 - 1000, signed_by="a0", send_back=True
    )
    assert (state.balances["a5"], state.balances["a0"]) == (N1 - 1000, 1000)
    state = act(state, "claim", "a6", channel=1, actual=N1, planned=N1, signed_by="a4", signed_nonce=0)
    refuse(state, "claim", "a6", channel=1, actual=N1, planned=N1, signed_by="a4", signed_nonce=0)  # replay
    state = act(
        state, "claim", "a6",
        channel=1, actual=N1 - 1000, planned=N1 - 1000, signed_by="a4", signed_nonce=1, send_back=True,
    )  # fmt: skip
    assert (state.balances["a6"], state.balances["a4"]) == (2 * N1 - 1000, N2 - N3 - 2 * N1 + 1000)
    assert state.tokens == N1 + N2 - N3


def test_a_claim_that_keeps_the_rest_only_moves_the_nonce_on():
    state = act(opened(), "claim", "rob", channel=0, actual=80, planned=90, signed_by="sue")
    assert mpe_view(state)["channels"][0] == {
        "nonce": 1, "sender": "ann", "signer": "sue", "recipient": "rob", "group": None,
        "value": 920, "expiration": 100,
    }  # fmt: skip


def test_a_claim_that_sends_back_empties_and_expires_the_channel():
    state = act(opened(), "claim", "rob", channel=0, actual=80, planned=90, signed_by="ann", send_back=True)
    channel = mpe_view(state)["channels"][0]
    assert (channel["value"], channel["nonce"], channel["expiration"]) == (0, 1, 0)
    assert state.balances == {"ann": 920, "rob": 80}


@pytest.mark.parametrize(
    "wrong",
    [
        {"actual": 91},
        {"actual": 1001, "planned": 2000},
        {"signed_by": "rob"},
        {"signed_nonce": 1},
        {"channel": 1},
    ],
)
def test_a_claim_with_anything_wrong_is_refused(wrong):
    right = {"channel": 0, "actual": 80, "planned": 90, "signed_by": "sue", "signed_nonce": 0}
    refuse(opened(), "claim", "rob", **{**right, **wrong})


def test_only_the_recipient_claims():
    refuse(opened(), "claim", "ann", channel=0, actual=1, planned=1, signed_by="sue")


def test_several_claims_are_made_together_or_not_at_all():
    claim = {"channel": 0, "actual": 10, "planned": 10, "signed_by": "sue"}
    second = {**claim, "signed_nonce": 1}
    state = act(opened(), "multi_claim", "rob", claims=[claim, second])
    assert state.balances["rob"] == 20
    refuse(opened(), "multi_claim", "rob", claims=[claim, {**second, "actual": 11}])


def test_a_channel_times_out_at_its_expiration_for_its_sender():
    refuse(opened(), "timeout", "ann", channel=0, block=99)
    refuse(opened(), "timeout", "rob", channel=0, block=100)
    state = act(opened(), "timeout", "ann", channel=0, block=100)  # code: >=, comment: >
    assert state.balances["ann"] == 1000 and state.channels[0].nonce == 1


def test_only_the_sender_extends_and_never_shortens():
    refuse(opened(), "extend", "sue", channel=0, expiration=200)
    refuse(opened(), "extend", "ann", channel=0, expiration=99)
    assert act(opened(), "extend", "ann", channel=0, expiration=100).channels[0].expiration == 100


def test_anybody_adds_funds():
    state = act(act(opened(), "deposit", "bob", amount=5), "add_funds", "bob", channel=0, amount=5)
    assert state.channels[0].value == 1005 and state.balances["bob"] == 0


def test_extending_with_funds_does_both_or_neither():
    state = act(opened(), "deposit", "ann", amount=5)
    both = act(state, "extend_and_add_funds", "ann", channel=0, expiration=200, amount=5)
    assert (both.channels[0].expiration, both.channels[0].value) == (200, 1005)
    refuse(state, "extend_and_add_funds", "ann", channel=0, expiration=200, amount=6)
    refuse(state, "extend_and_add_funds", "ann", channel=0, expiration=50, amount=5)


THIRD = {
    "sender": "ann",
    "signer": "sue",
    "recipient": "rob",
    "value": 100,
    "expiration": 9,
    "message_nonce": 7,
}


def test_a_third_party_pays_and_the_sender_is_refunded():
    state = act(mpe_new({"tom": 300}), "open_by_third_party", "tom", signed_by="ann", **THIRD)
    assert state.balances == {"tom": 200}
    state = act(state, "timeout", "ann", channel=0, block=9)
    assert state.balances == {"tom": 200, "ann": 100}


def test_a_third_partys_message_opens_one_channel_and_needs_the_senders_hand():
    start = mpe_new({"tom": 300})
    refuse(start, "open_by_third_party", "tom", signed_by="sue", **THIRD)
    state = act(start, "open_by_third_party", "tom", signed_by="ann", **THIRD)
    refuse(state, "open_by_third_party", "tom", signed_by="ann", **THIRD)
    act(state, "open_by_third_party", "tom", signed_by="ann", **{**THIRD, "message_nonce": 8})


def test_a_channel_needs_a_signer_and_may_be_past_its_expiration():
    refuse(mpe_new({"ann": 1}), "open", "ann", signer=None, recipient="rob", value=1, expiration=5)
    assert opened(expiration=0).channels[0].expiration == 0


def test_depositing_and_opening_is_one_call():
    state = act(
        mpe_new({}),
        "deposit_and_open",
        "ann",
        signer="sue",
        recipient="rob",
        value=7,
        expiration=5,
        group="g",
    )
    assert state.tokens == 7 and state.channels[0].group == "g"


def test_unknown_calls_and_arguments_are_errors():
    with pytest.raises(ValueError, match="must be one of deposit"):
        mpe_step(mpe_new({}), "steal", "ann")
    with pytest.raises(ValueError, match="amount"):
        mpe_step(mpe_new({}), "deposit", "ann")
    with pytest.raises(ValueError, match="amount = -1"):
        mpe_step(mpe_new({}), "deposit", "ann", amount=-1)


USERS = st.sampled_from(["ann", "rob", "sue"])
NUMBERS = st.integers(0, 60)
MOVES = st.one_of(
    st.tuples(st.sampled_from(["deposit", "withdraw"]), USERS, st.fixed_dictionaries({"amount": NUMBERS})),
    st.tuples(st.just("transfer"), USERS, st.fixed_dictionaries({"receiver": USERS, "amount": NUMBERS})),
    st.tuples(
        st.just("open"), USERS,
        st.fixed_dictionaries({"signer": USERS, "recipient": USERS, "value": NUMBERS, "expiration": NUMBERS}),
    ),
    st.tuples(
        st.just("add_funds"), USERS, st.fixed_dictionaries({"channel": st.integers(0, 2), "amount": NUMBERS})
    ),
    st.tuples(
        st.just("claim"), USERS,
        st.fixed_dictionaries({
            "channel": st.integers(0, 2), "actual": NUMBERS, "planned": NUMBERS, "signed_by": USERS,
            "send_back": st.booleans(),
        }),
    ),
    st.tuples(
        st.just("timeout"), USERS, st.fixed_dictionaries({"channel": st.integers(0, 2), "block": NUMBERS})
    ),
)  # fmt: skip


@given(st.lists(MOVES, max_size=30))
def test_the_contract_always_holds_what_came_in_less_what_went_out(moves):
    state, held = mpe_new({"ann": 100, "rob": 50}), 150
    for action, caller, arguments in moves:
        before = state
        state, accepted = mpe_step(state, action, caller, **arguments)
        if not accepted:
            assert state is before
        elif action in ("deposit", "withdraw"):
            held += arguments["amount"] if action == "deposit" else -arguments["amount"]
        assert state.tokens == held
        assert all(balance >= 0 for balance in state.balances.values())
        assert all(channel.value >= 0 for channel in state.channels)


def test_a_client_signs_the_cumulative_amount():
    assert mpe_client_next(price=10, signed=30, chain_value=100, chain_nonce=2, current_nonce=2) == (40, 70)


def test_a_pending_claim_leaves_less_to_spend():
    # state_service.proto: old_nonce_signed_amount counts while current_nonce is ahead of the chain's
    assert mpe_client_next(10, 0, 100, 2, 3, old_signed=30) == (10, 70)
    assert mpe_client_next(10, 0, 100, 3, 3, old_signed=30) == (10, 100)


# singnet/snet-daemon@cbfd6736 escrow/validation_test.go: nonce 3, value 12345, authorised 12300
PAYMENT = {
    "amount": 12_345, "nonce": 3, "signed_by": "signer", "previous_amount": 12_300, "price": 45, "block": 99,
    "threshold": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"signed_by": "sender"}, None),
        ({"nonce": 2}, "nonce"),
        ({"signed_by": "mallory"}, "signature"),
        ({"block": 100}, "expiration"),
        ({"block": 98, "threshold": 2}, "expiration"),
        ({"amount": 12_346, "price": 46}, "value"),
        ({"price": 44}, "income"),
        ({"price": 46}, "income"),
    ],
)
def test_the_daemon_refuses_as_in_its_own_tests(change, refusal):
    channel = Channel("sender", "signer", "recipient", None, value=12_345, expiration=100, nonce=3)
    assert daemon_refusal(channel, **{**PAYMENT, **change}) == refusal
    assert daemon_accepts(channel, **{**PAYMENT, **change}) == (refusal is None)


# --- Ocean. Source: oceanprotocol/contracts@1c779f90 test/unit/escrow/Escrow.test.js, amounts in wei ---

WEI = 10**18
FEE = 10**15  # 0.1 %, approved token


def job(state, action, caller, **k):
    state, accepted = job_escrow_step(state, action, caller, **k)
    assert accepted
    return state


def job_refused(state, action, caller, **k):
    after, accepted = job_escrow_step(state, action, caller, **k)
    assert not accepted and after is state


def authorised(locks=10):
    start = job_escrow_new({"payer": 90 * WEI, "other": 100 * WEI})
    return job(
        start, "authorize", "payer", payee="payee", max_amount=50 * WEI, max_seconds=100, max_locks=locks
    )


def locked(number=1, amount=10 * WEI, seconds=60):
    return job(
        authorised(), "lock", "payee", payer="payer", job=number, amount=amount, seconds=seconds, now=0
    )


@pytest.mark.parametrize(
    "lock",
    [
        {"payer": "other"},  # No auth found
        {"amount": 60 * WEI},  # Exceeds maxLockedAmount
        {"amount": 0},  # Invalid amount
        {"job": 0},  # Invalid jobId
        {"seconds": 101},  # Expiry too high
        {"amount": 91 * WEI},  # Payer does not have enough funds
    ],
)
def test_locks_outside_the_payers_limits_are_refused(lock):
    right = {"payer": "payer", "job": 1, "amount": 10 * WEI, "seconds": 60, "now": 0}
    job_refused(authorised(), "lock", "payee", **{**right, **lock})


def test_a_job_is_locked_once_and_only_so_many_at_a_time():
    state = job(authorised(2), "lock", "payee", payer="payer", job=1, amount=WEI, seconds=60, now=0)
    job_refused(state, "lock", "payee", payer="payer", job=1, amount=WEI, seconds=60, now=0)
    state = job(state, "lock", "payee", payer="payer", job=2, amount=WEI, seconds=60, now=0)
    job_refused(state, "lock", "payee", payer="payer", job=3, amount=WEI, seconds=60, now=0)
    state = job(
        state, "authorize", "payer", payee="payee", max_amount=50 * WEI, max_seconds=100, max_locks=10
    )
    job(state, "lock", "payee", payer="payer", job=3, amount=WEI, seconds=60, now=0)


def test_the_limit_holds_for_all_locks_of_a_payee_together():
    state = locked(amount=30 * WEI)
    job_refused(state, "lock", "payee", payer="payer", job=2, amount=21 * WEI, seconds=60, now=0)


def test_a_partial_claim_pays_the_payee_less_the_fee_and_the_payer_the_rest():
    state = job(locked(), "claim", "payee", payer="payer", job=1, amount=WEI, now=60, fee_wei=FEE)
    view = job_escrow_view(state)
    assert view["available"]["payee"] == WEI - WEI // 1000
    assert view["available"]["payer"] == 89 * WEI
    assert view["fees"] == WEI // 1000 and view["locks"] == {} and view["locked"] == {}
    assert view["tokens"] == 190 * WEI - view["fees"]


def test_the_fee_is_rounded_down():
    state = job(locked(amount=1999), "claim", "payee", payer="payer", job=1, amount=1999, now=0, fee_wei=FEE)
    assert state.fees == 1 and state.available["payee"] == 1998


def test_nobody_claims_more_than_the_lock_or_anothers():
    job_refused(locked(), "claim", "payee", payer="payer", job=1, amount=11 * WEI, now=0, fee_wei=FEE)
    job_refused(locked(), "claim", "other", payer="payer", job=1, amount=WEI, now=0, fee_wei=FEE)


def test_claiming_after_the_expiry_makes_the_payer_whole():
    state = job(locked(), "claim", "payee", payer="payer", job=1, amount=WEI, now=61, fee_wei=FEE)
    assert state.available["payer"] == 90 * WEI and "payee" not in state.available and state.fees == 0


def test_anybody_cancels_after_the_expiry_and_nobody_before():
    job_refused(locked(), "cancel", "anybody", payee="payee", now=60)
    state = job(locked(), "cancel", "anybody", payee="payee", payer="payer", job=1, now=61)
    assert state.available["payer"] == 90 * WEI
    assert state.authorizations["payer", "payee"].locks == 0


def test_locked_funds_cannot_be_withdrawn():
    state = locked()
    job_refused(state, "withdraw", "payer", amount=81 * WEI)
    assert job(state, "withdraw", "payer", amount=80 * WEI).tokens == 110 * WEI


JOBS = st.tuples(
    st.sampled_from(["lock", "claim", "cancel"]), st.integers(1, 3), st.integers(0, 30), st.integers(0, 40)
)


@given(st.lists(JOBS, max_size=25))
def test_wei_in_the_job_escrow_are_free_locked_or_paid_as_fees(moves):
    state = job_escrow_new({"payer": 60})
    state = job(state, "authorize", "payer", payee="payee", max_amount=50, max_seconds=10, max_locks=3)
    now = 0
    for action, number, amount, wait in moves:
        now += wait
        k = {"payer": "payer", "job": number, "now": now}
        if action == "lock":
            state, _ = job_escrow_step(state, "lock", "payee", amount=amount, seconds=10, **k)
        elif action == "claim":
            state, _ = job_escrow_step(state, "claim", "payee", amount=amount, fee_wei=10**17, **k)
        else:
            state, _ = job_escrow_step(state, "cancel", "anybody", payee="payee", now=now)
        assert state.tokens + state.fees == 60
        held = state.authorizations["payer", "payee"]
        assert held.locked == sum(lock.amount for lock in state.locks) and held.locks == len(state.locks)
