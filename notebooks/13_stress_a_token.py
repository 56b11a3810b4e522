# %% [markdown]
# # Stress a token
#
# You have a design for a token: who is paid, in what, for what, and who decides. Before it holds anybody's money, try to
# break it. This notebook takes one design through four steps: the **design**, a **battery** of stresses, the search for
# the cheapest **break**, and the lever that **mends** it. Every number of the design is invented.

# %%
import os

import matplotlib.pyplot as plt
from IPython.display import display

import simdai
from simdai.experiments.stress import Challenge, break_point, load_battery, mend, tipping
from simdai.report.stress_figures import curves, lever_front, lever_moves

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter runs, fewer of them
DAYS = 21 if FAST else 90  # after each stress
REPLICATIONS = 1 if FAST else 4
BUDGET = 2 if FAST else 12

# %% [markdown]
# ## The design
# A design is a scenario: a token network put together from mechanisms in YAML alone. `simdai new design mine` writes one
# to begin with. This one is the work token of the library with two rules changed, both common in networks that want
# capacity before they have customers: new tokens go to whoever is **online**, and an audit finds a provider that does
# not exist with a chance of one in two hundred a day.

# %%
design = simdai.load(
    "designs/work_token",
    set={
        "networks.worknet.reward": {"kind": "availability", "idle_only": False},
        "networks.worknet.audit_chance": 0.005,
    },
)
display(design)

# %% [markdown]
# ## The battery
# A battery says what happens, how hard, and which measure counts as bent or broken. The standard one holds crashes,
# droughts, outages, bans, withdrawals, rivals and every attack that works on the network; each stressed run has the luck
# of the unstressed one. We take five of its stresses.

# %%
stresses = ["phantom_providers", "demand_drought", "price_crash_fast", "jurisdiction_ban", "self_dealing"]
stresses = stresses[:2] if FAST else stresses
battery = load_battery().only(stresses).model_copy(update={"horizon": float(DAYS)})
short = design.with_changes({"horizon": f"{28 + DAYS} d"})
card = simdai.stress(short, battery=battery, replications=REPLICATIONS, progress=False)
display(card)

# %%
for _ in curves(card):
    plt.show()
assert "phantom_providers" in card.broken
assert card.grades["demand_drought"]["extreme"][0] == "broke"

# %% [markdown]
# > **A design may survive a crash and die of its own rewards.** Providers that do not exist collect tokens for standing
# > by, at every severity. What a crash or a drought does comes from outside; this comes from the rule.
#
# ## The break
# How little does it take? The search looks for the fewest phantoms that make a profit, and confirms what it finds with
# fresh luck. The cost is what the attacker spends: identities, and the stake that each must lock.

# %%
found = break_point(
    Challenge(short, "phantom_providers", battery=battery, horizon=float(DAYS)),
    budget=BUDGET,
    replications=max(REPLICATIONS // 2, 1),
    fresh=max(REPLICATIONS, 2),
)
print(found)
assert found.verdict == "broken"
assert found.cost_unit == "USD" and found.cost_to_break > 0

# %% [markdown]
# `found.save("break.yaml")` writes the scenario that replays the break. Where a search finds nothing it says *not broken
# within the budget*, never that the design is safe: it knows what it looked at, no more.
#
# ## The mend
# Two levers are at hand: audit more often, or ask for a larger stake. Where does each tip the attack into a loss?

# %%
AUDIT, STAKE = "networks.worknet.audit_chance", "networks.worknet.stake.usd_per_gpu"
tips = tipping(
    Challenge(short, "phantom_providers", battery=battery, horizon=float(DAYS), at="mild"),
    AUDIT,
    (0.005, 0.6),
    replications=max(REPLICATIONS // 2, 1),
)
tips[["lever", "stress", "level", "low", "high"]]

# %%
level = float(tips["level"].iloc[0])
assert 0.005 < level < 0.6
safer = short.with_changes({AUDIT: min(1.3 * level, 1.0)})
again = simdai.stress(
    safer, battery=battery.only(["phantom_providers"]), replications=REPLICATIONS, progress=False
)
assert again.grade("phantom_providers", "mild", "attack_profit") == "held"
display(again)

# %% [markdown]
# > **Audits beyond the tipping point end the attack**: a phantom is then found before its rewards have paid for its
# > identity and its stake. The same battery, laid on again, says so.
#
# A lever has a price. `mend` searches the break-point anew for every setting of the levers, and puts beside it what the
# design gives up: dilution, and the margin of honest providers. Settings that nothing else beats are the front.

# %%
mended = mend(
    short,
    {AUDIT: (0.005, min(1.3 * level, 1.0))} | ({} if FAST else {STAKE: (100.0, 4000.0)}),
    ["phantom_providers"],
    battery=battery,
    horizon=float(DAYS),
    mixtures=0 if FAST else 2,
    budget=2 if FAST else 8,
    replications=1,
    fresh=1 if FAST else 2,
)
lever_moves(mended, "phantom_providers")
plt.show()
lever_front(mended, "phantom_providers")
plt.show()
display(mended.table)

# %% [markdown]
# > **What mends one break-point may leave another where it was.** Before you decide, lay the whole battery on the mended
# > design: `simdai stress ./mine.yaml` does it at three severities and ten replications, and writes a report that you can
# > print and hand to whoever has to agree.
