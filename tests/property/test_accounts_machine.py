"""Whatever is done to them, compiled accounts and those in Python stay alike, and nothing is lost."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simdai.kernel import COMPILED
from simdai.kernel.accounts_reference import Accounts as Reference

if not COMPILED:
    pytest.skip("there is no compiled kernel to compare", allow_module_level=True)

from simdai.kernel._market import Accounts as Compiled

LARGEST = 2**63 - 1
AMOUNTS = st.one_of(
    st.integers(0, 1000),
    st.integers(LARGEST - 3, LARGEST + 2),
    st.integers(2**62 - 2, 2**62 + 2),
    st.integers(-(2**65), 2**65),
    st.sampled_from([1.0, 0.5, "1", None, True]),
)
PLACES = st.one_of(st.integers(0, 5), st.integers(-2, 12), st.sampled_from([2**63, -(2**63), 1.0, None]))


class BothKinds(RuleBasedStateMachine):
    """Every action on both, with the same outcome or the same kind of error."""

    @initialize(n=st.integers(0, 6))
    def open(self, n):
        self.both = (Reference(n), Compiled(n))

    def act(self, name, *arguments):
        outcomes = []
        for accounts in self.both:
            try:
                outcomes.append(("returned", getattr(accounts, name)(*arguments)))
            except Exception as error:
                outcomes.append(("raised", type(error)))
        assert outcomes[0] == outcomes[1], f"{name}{arguments}"

    @rule(n=st.one_of(st.integers(-1, 3), st.sampled_from([2**31, 2**64, 1.5])))
    def add(self, n):
        self.act("add", n)

    @rule(account=PLACES)
    def allow_negative(self, account):
        self.act("allow_negative", account)

    @rule(amount=AMOUNTS, source=PLACES, to=PLACES)
    def transfer(self, amount, source, to):
        self.act("transfer", amount, source, to)

    @rule(rows=st.lists(st.tuples(st.integers(-1, 200), st.integers(-1, 7), st.integers(-1, 7)), max_size=4))
    def transfer_many(self, rows):
        self.act("transfer_many", *([row[i] for row in rows] for i in range(3)))

    @rule(amount=AMOUNTS, to=PLACES)
    def mint(self, amount, to):
        self.act("mint", amount, to)

    @rule(amount=AMOUNTS, source=PLACES)
    def burn(self, amount, source):
        self.act("burn", amount, source)

    @rule(account=PLACES)
    def balance(self, account):
        self.act("balance", account)

    @invariant()
    def both_are_alike(self):
        a, b = self.both
        assert a.balances.tolist() == b.balances.tolist()
        assert (len(a), a.total(), a.minted, a.burned) == (len(b), b.total(), b.minted, b.burned)

    @invariant()
    def nothing_is_lost(self):
        for accounts in self.both:
            assert accounts.total() == sum(accounts.balances.tolist())
            assert accounts.total() + accounts.burned - accounts.minted == 0


TestAccounts = BothKinds.TestCase
TestAccounts.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
