# %% [markdown]
# # Money and intelligence
#
# Bitcoin needs no company, because everybody can check everything: making a block takes the work of the whole world's machines, checking it one
# machine and less than a second. Is there such a check for the work of an AI? This notebook compares what checking costs, and what
# becomes of a network that checks too little.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatLogSlider, FloatSlider, interact

import simdai
from simdai.mechanisms.bitcoin import expected_hashes
from simdai.mechanisms.verification import (
    audit_overhead,
    detection_probability,
    deterring_audit_probability,
    min_check_probability,
)

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter


# %% [markdown]
# ## How much cheaper is checking than making?
# A Bitcoin block is a number whose fingerprint is very small. Finding one takes as many tries as the *difficulty* says; checking takes one. A model's answer
# is checked, if nothing better is known, by computing it again. The scenario `verification` lets the same workers do the
# same work under eight ways of checking.

# %%
scenario = simdai.load("verification")
run = simdai.Simulation(scenario, seed=1).run(until=100 if FAST else 240)
ways = list(scenario.networks)
cost = {way: run.outcomes[f"{way}.verification.cost_ratio"] for way in ways if way != "unchecked"}

bits = 0x1701E603  # of the blocks at the start of 2026
print(f"a block takes {expected_hashes(bits):.1e} tries, a check one")
fig, ax = plt.subplots(figsize=(7, 3))
names = sorted(cost, key=cost.get)
ax.barh(
    names,
    [cost[name] for name in names],
    left=1e-26,
    color=["tab:orange" if n == "bitcoin" else "tab:blue" for n in names],
)
ax.set_xscale("log")
ax.set_xlim(1e-26, 30)
ax.set_xlabel("one check, in units of the work that it checks")
plt.show()
others = [value for name, value in cost.items() if name != "bitcoin"]
print(
    f"the cheapest check of a model's work costs {min(others):.0e} of it, a check of Bitcoin's {cost['bitcoin']:.0e}"
)
assert 1e23 < expected_hashes(bits) < 1e25
assert cost["bitcoin"] < 1e-22 and min(others) > 1e-6

# %% [markdown]
# > **On Bitcoin by a factor of some $10^{23}$, for AI by a few orders of magnitude at best.** Money is a number that is hard to make and trivial to check. An
# > answer of a model is neither.

# %% [markdown]
# ## What does each way of checking let pass, and what does it cost?
# Half of the workers cheat where cheating pays. *Overhead* is the share of all computing that goes into checks.

# %%
overhead = {way: run.outcomes[f"{way}.verification.overhead"] for way in ways}
undetected = {way: run.outcomes[f"{way}.fraud.undetected_share"] for way in ways}
fig, ax = plt.subplots(figsize=(7, 3.6))
for way in ways:
    ax.plot(overhead[way], undetected[way], "o", color="tab:orange" if way == "bitcoin" else "tab:blue")
    place = {"bitcoin": (-4, 18), "fingerprints": (7, -12), "zero_knowledge": (-70, 6)}.get(way, (5, 5))
    ax.annotate(way, (overhead[way], undetected[way]), xytext=place, textcoords="offset points", fontsize=9)
ax.set_yscale("symlog", linthresh=1e-4)
ax.set_ylim(-2e-5, 2)
ax.set(xlabel="overhead", ylabel="undetected fraud, share of work")
plt.show()
print({way: f"{overhead[way]:.1%} / {undetected[way]:.2%}" for way in ways})
assert undetected["unchecked"] > 0.1
assert overhead["redundancy"] > 0.5 and undetected["redundancy"] < 0.01
assert overhead["sampling"] < 0.2 and undetected["sampling"] < 0.05

# %% [markdown]
# > **Without checks much of the work is fraud; doing everything three times stops it and costs two thirds of all computing; drawing samples
# > stops nearly all for a few percent.** The last works because workers put down a deposit that they lose when caught.

# %% [markdown]
# ## How often must one look?
# Honesty pays if what is saved by cheating is less than what is lost when caught: with a check of probability $p$, a saving $C$, a reward $R$ and a
# deposit $S$ that is lost, when $p > C / (R + S)$.


# %%
@interact(
    saved=FloatSlider(min=0.1, max=1, step=0.1, value=0.8, description="saved"),
    deposit=FloatLogSlider(min=-1, max=3, value=10, description="deposit"),
    cheated=FloatLogSlider(min=-4, max=0, value=0.01, description="cheated"),
)
def show_checks(saved, deposit, cheated):
    needed = min_check_probability(saved, 1.0, deposit)
    print(f"look at {needed:.1%} of tasks, {audit_overhead(needed, 1.0):.1%} of computing")
    print(
        f"100 looks find a worker who cheats in {cheated:.2%} of tasks with {detection_probability(100, cheated):.0%}"
    )


# %%
deposits = np.logspace(-1, 3, 80)
fig, ax = plt.subplots(figsize=(7, 3))
ax.loglog(deposits, [min_check_probability(0.8, 1.0, deposit) for deposit in deposits])
ax.set(xlabel="deposit, in rewards of one task", ylabel="share of tasks that must be checked")
plt.show()
assert min_check_probability(0.8, 1.0, 0.1) > 0.7 and min_check_probability(0.8, 1.0, 100.0) < 0.01
assert abs(deterring_audit_probability(1.0, 9.0) - 0.1) < 1e-12

# %% [markdown]
# > **The more there is to lose, the seldomer.** With a deposit of a tenth of a reward nearly three of four tasks must be checked, with one of a
# > hundred rewards less than one in a hundred. Deposits buy cheap verification, and keep out those who have none.

# %% [markdown]
# ## Who pays for Bitcoin's security?
# Bitcoin's check is free, its security is not: blocks must be dear to make, or somebody would make them all. Miners are paid in new bitcoins, and
# every four years half as many.

# %%
bitcoin = simdai.Simulation(simdai.load("networks/bitcoin"), seed=1).run(until=60 if FAST else None)
years = 2026 + bitcoin.times / 365.25
fig, axes = plt.subplots(1, 2, figsize=(9, 3))
axes[0].plot(years, bitcoin.series["bitcoin.security_budget_usd_per_day"] / 1e6)
axes[0].set_title("security budget [million USD a day]", loc="left")
axes[1].plot(years, bitcoin.series["bitcoin.hash_rate_eh_s"])
axes[1].set_title("hash rate [EH/s]", loc="left")
for ax in axes:
    ax.set_ylim(0, None)
    ax.set_xticks(range(2026, 2030) if not FAST else [2026])
plt.tight_layout()
plt.show()
subsidy = bitcoin.outcomes["bitcoin.subsidy_share"]
attack = bitcoin.outcomes["bitcoin.cost_to_attack_usd"]
print(
    f"{subsidy:.1%} of miners' income is new bitcoins; machines for half of the hash rate cost {attack / 1e9:.1f} billion USD"
)
assert subsidy > 0.9
assert attack > 1e9

# %% [markdown]
# > **Its holders, by dilution.** Over nine tenths of what miners earn is newly made. After the halving of 2028 the budget halves unless the price
# > doubles or fees grow; an attacker still needs billions in machines.
#
# **What this model does not know**: whether a cheap and general check of a model's work will be found. Proofs of computation get cheaper every year and are
# here as they were published up to 2026. And it takes for granted that "the same answer again" is what the customer wants; whether the answer is
# *good* is a question that no check of the computation settles.
