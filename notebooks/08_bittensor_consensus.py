# %% [markdown]
# # Consensus by hand: how Bittensor decides who is paid
#
# On Bitcoin anybody can check a block. Nobody can check by arithmetic that an answer of a model is good. Bittensor asks *validators* instead: people
# with a stake try the *miners'* models and give each a weight; *Yuma consensus* makes one verdict of many opinions. This notebook works it by hand, and
# attacks it.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, interact

import simdai
from simdai.mechanisms.yuma import weighted_median, yuma_epoch

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter
DAYS = 4 if FAST else 14
U16 = 65_535  # weights are stored as whole numbers up to this

# %% [markdown]
# ## How do many opinions become one?
# For each miner the consensus is the highest weight that more than half of the stake supports: a *weighted median*. Whatever a validator gives
# beyond it is cut off.

# %%
stake = [0.3, 0.3, 0.25, 0.15]
opinions = [0.50, 0.40, 0.45, 1.00]  # of four validators on one miner; the last one is a friend of it
verdict = weighted_median(stake, opinions, 0.5)
average = float(np.average(opinions, weights=stake))

fig, ax = plt.subplots(figsize=(6, 2.8))
ax.bar(range(4), opinions, width=[3 * s for s in stake], color="0.8")
ax.axhline(verdict, label=f"consensus {verdict:.2f}")
ax.axhline(average, ls="--", color="tab:red", label=f"average {average:.2f}")
ax.set_xticks(range(4), [f"{s:.0%} of stake" for s in stake])
ax.set_ylabel("weight for the miner")
ax.legend(frameon=False, loc="upper left")
plt.show()
assert verdict < 0.5 < average

# %% [markdown]
# > **By what most of the stake supports.** One friend with 15 % of the stake moves an average; the consensus stays where the other three stand.

# %% [markdown]
# ## What can a cartel take?
# One round of the protocol's own rule: three honest validators rank two honest miners; a fourth gives everything to a miner of its own that does
# nothing.


# %%
def one_round(cartel: float, kappa: float = 0.5) -> tuple[float, float]:
    """Shares of the miners' pay and of the validators' pay that a cartel with a share of the stake gets."""
    stakes = [(1 - cartel) / 3] * 3 + [cartel]
    votes = np.array([[0.6, 0.4, 0.0]] * 3 + [[0.0, 0.0, 1.0]])
    n = len(stakes) + votes.shape[1]
    weights = np.zeros((n, n), int)
    weights[:4, 4:] = np.round(U16 * votes / votes.max(axis=1, keepdims=True))
    rules = {
        "yuma_version": "yuma3", "kappa_u16": round(kappa * U16), "bonds_penalty_u16": U16,
        "bonds_moving_average_ppm": 900_000, "liquid_alpha": False, "alpha_low_u16": 0, "alpha_high_u16": U16,
        "alpha_sigmoid_steepness_raw": 1_000, "max_allowed_validators": 4, "activity_cutoff": 5_000,
        "min_stake": 0, "owner_uid": None, "emission_rao": 10**9,
    }  # fmt: skip
    state = {
        "block": 1_000, "last_tempo_block": 640, "stake": [*(round(1e6 * s) for s in stakes), 0, 0, 0],
        "validator_permit": [True] * 4 + [False] * 3, "last_update": [990] * n, "block_at_registration": [0] * n,
        "weights": weights, "bonds_prior": np.zeros((n, n), int),
    }  # fmt: skip
    result = yuma_epoch(rules, n, state)
    return float(result["incentive"][6]), float(result["dividends"][3])


@interact(
    cartel=FloatSlider(min=0.02, max=0.98, step=0.02, value=0.3, description="stake"),
    kappa=FloatSlider(min=0.3, max=0.9, step=0.05, value=0.5, description="kappa"),
)
def show_cartel(cartel, kappa):
    miners, validators = one_round(cartel, kappa)
    print(f"the cartel gets {miners:.0%} of miners' pay and {validators:.0%} of validators' pay")


# %%
shares = np.linspace(0.02, 0.98, 49)
fig, ax = plt.subplots(figsize=(6, 3.2))
for kappa in (0.5, 0.7):
    ax.plot(shares, [one_round(share, kappa)[0] for share in shares], label=f"kappa {kappa:g}")
ax.plot([0, 1], [0, 1], ":", color="0.6", label="in proportion")
ax.set(xlabel="cartel's share of the stake", ylabel="its idle miner's share of the pay")
ax.legend(frameon=False)
plt.show()
assert one_round(0.4)[0] == 0.0 and one_round(0.6)[0] > 0.9
assert one_round(0.6, kappa=0.7)[0] < 0.5

# %% [markdown]
# > **Nothing below half of the stake, everything above.** The rule does not make a cartel poorer step by step: it stops a minority and obeys a majority. A
# > higher bar (*kappa*) needs a larger cartel to take, and a smaller one to block.

# %% [markdown]
# ## Does it hold in a running economy?
# The attack `validator_cartel` buys stake on the market, on a subnet with 256 places, and lets its own idle miners earn.

# %%
bought = (0.2, 0.4, 0.6)
taken = []
for share in bought:
    attack = simdai.load("attacks/validator_cartel", set={"shocks[0].share": share})
    outcomes = simdai.Simulation(attack, seed=1).run(until=16 if FAST else None).outcomes
    taken.append(outcomes["bittensor.validator_cartel.captured_share"])

fig, ax = plt.subplots(figsize=(5, 2.8))
ax.bar([f"{share:.0%}" for share in bought], taken)
ax.axhline(0.5, color="0.8", lw=0.8)
ax.set(xlabel="share of stake bought", ylabel="share of miners' pay taken", ylim=(0, 1))
plt.show()
print([f"{share:.1%}" for share in taken])
assert taken[1] < 0.05 and taken[2] > 0.8

# %% [markdown]
# > **Yes, on both sides of the line.** With 40 % of the stake the cartel takes next to nothing, with 60 % almost all.

# %% [markdown]
# ## Does it pay to copy?
# Trying models costs work; the others' verdict is public. A *weight copier* submits the last consensus and saves the work. The defence is to reveal
# weights late, so that a copier copies what was true some hours ago.

# %%
periods = {"at once": 0, "after 20 rounds": 20}
yields = {}
for label, period in periods.items():
    copying = simdai.load(
        "attacks/weight_copying", set={"networks.bittensor.consensus.reveal_period": period}
    )
    outcomes = simdai.Simulation(copying, seed=1).run(until=DAYS).outcomes
    yields[label] = outcomes["bittensor.weight_copying.relative_yield"]

fig, ax = plt.subplots(figsize=(5, 2.8))
ax.bar(list(yields), list(yields.values()), color=["tab:red", "tab:green"], width=0.5)
ax.axhline(1, color="0.5", ls="--")
ax.set(xlabel="weights are revealed", ylabel="copier's yield over honest yield")
plt.show()
print({label: f"{value:.2f}" for label, value in yields.items()})
assert yields["at once"] > 0.95
assert yields["after 20 rounds"] < 0.9 * yields["at once"]

# %% [markdown]
# > **Yes where weights are public, no where they come late.** Copying in the open earns what honest work earns, at no cost; where weights are revealed a day late
# > and miners change quickly, copiers earn clearly less.
#
# **What this model does not know**: what a good answer is. Miners have a quality here, and honest validators see it with some error; in the world the
# question what to measure is the subnet's own, and validators may all be wrong in the same way, which no consensus can tell.
