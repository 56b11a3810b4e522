# %% [markdown]
# # Niches
#
# The gaps are wide. But a side that is behind on the whole may win where something else counts: that nobody can switch it off, that
# it is cheap, that it knows one trade, that it may see data which nobody hands over. This notebook looks at these four *niches*.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatLogSlider, FloatSlider, IntSlider, interact

import simdai
from simdai.mechanisms.niches import survival_k_of_n, win_share
from simdai.mechanisms.scaling import domain_quality

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, fewer replications
REPLICATIONS = 2 if FAST else 10

# %% [markdown]
# ## Does it stand when somebody wants it down?
# A service in one place falls when that place is told to close it. One that runs on ten hosts in ten countries, of which any three suffice,
# falls only when eight are closed, or when something that all share goes: a token's gateway, a domain name, an app store. Say a
# host is closed at a rate $h$ a year, and what is shared at $h_0$.


# %%
@interact(
    hosts=IntSlider(min=1, max=30, value=10),
    needed=IntSlider(min=1, max=30, value=3),
    h=FloatSlider(min=0, max=1, step=0.05, value=0.2, description="h"),
    h0=FloatSlider(min=0, max=0.2, step=0.01, value=0.01, description="h0"),
)
def show_survival(hosts, needed, h, h0):
    print(f"still there after five years: {survival_k_of_n(hosts, needed, h, h0, 5.0):.1%}")


# %%
years = np.linspace(0, 10, 81)
fig, ax = plt.subplots(figsize=(7, 3.2))
for label, n, k, h0 in (
    ("one host", 1, 1, 0.0),
    ("ten hosts, three needed", 10, 3, 0.0),
    ("the same, sharing something at 5 % a year", 10, 3, 0.05),
):
    ax.plot(years, [survival_k_of_n(n, k, 0.2, h0, year) for year in years], label=label)
ax.set(xlabel="years", ylabel="chance that it still stands", ylim=(0, 1.02))
ax.legend(frameon=False)
plt.show()
one, ten, sharing = (
    survival_k_of_n(n, k, 0.2, h0, 5.0) for n, k, h0 in ((1, 1, 0), (10, 3, 0), (10, 3, 0.05))
)
print(f"after five years: {one:.0%}, {ten:.0%}, {sharing:.0%}")
assert one < 0.4 < 0.55 < sharing < 0.65 < 0.75 < ten < 0.8

# %% [markdown]
# > **Yes, as long as nothing is shared.** One host that is closed at 20 % a year stands after five years in little more than a third of cases, ten of which
# > three suffice in nearly four of five. A part that all share, at a quarter of that rate, undoes nearly half of the gain:
# > decentralisation is as strong as its most central part.

# %% [markdown]
# ## Is idle hardware cheaper?
# Clouds buy machines to rent them out. A network gathers machines that are there already and would stand idle, and these need earn
# no more than their electricity. The scenario `compute_layer` plays Render, Akash and io.net against the clouds.

# %%
market = simdai.Simulation(simdai.load("compute_layer"), seed=1).run(until=20 if FAST else 60)
sellers = {
    "ionet": "io.net", "akash": "Akash", "long_tail": "small clouds",
    "specialist": "GPU clouds", "hyperscaler": "large clouds",
}  # fmt: skip
prices = {label: market.outcomes[f"{name}.price_usd_per_gpu_hour"] for name, label in sellers.items()}
shares = {label: market.outcomes[f"market.share.{name}"] for name, label in sellers.items()}

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True)
colours = ["tab:blue", "tab:blue", "0.7", "0.7", "0.7"]
left.barh(list(prices), list(prices.values()), color=colours)
left.set_title("USD per GPU-hour", loc="left")
right.barh(list(shares), list(shares.values()), color=colours)
right.set_title("share of the work", loc="left")
left.invert_yaxis()
plt.tight_layout()
plt.show()
ratio = market.outcomes["niche.cost.unit_cost_ratio"]
print(f"an hour of the same work costs {ratio:.2f} times as much on networks as on clouds, all in")
assert ratio < 1
assert sum(shares[label] for label in ("small clouds", "GPU clouds", "large clouds")) > 0.5
assert prices["io.net"] < prices["small clouds"] < prices["large clouds"]

# %% [markdown]
# > **Yes, for work that fits.** An hour on the networks costs less than on the clouds even when waits, failures and checking are counted. Most of the work
# > stays with the clouds all the same: price is one of several things that customers look at.

# %% [markdown]
# ## Can a small model beat a large one?
# A model that is tuned on the texts of one trade gains on them: $q + f \ln(1 + T / T_0)$ points after $T$ tokens. A buyer weighs points against
# price.

# %%
GAIN, SCALE = 4.0, 1e8  # points per factor e; tokens: assumptions of the scenario labs_race


@interact(
    behind=FloatSlider(min=0, max=60, step=1, value=8, description="behind"),
    tokens=FloatLogSlider(min=6, max=12, value=1e10, description="tokens"),
)
def show_domain(behind, tokens):
    ahead = domain_quality(-behind, tokens, GAIN, SCALE)
    print(f"inside the trade the small model is {abs(ahead):.0f} points {'ahead' if ahead > 0 else 'behind'}")


# %%
rng = np.random.default_rng(1)
trades = 10 ** rng.uniform(7, 11, 400)  # tokens that a trade has, from a shelf of books to a library
behind = np.linspace(0, 50, 51)
fig, ax = plt.subplots(figsize=(7, 3.2))
won = {}
for label, price in (("at the same price", 1.0), ("at a tenth of the price", 0.1)):
    tuned = np.array([[domain_quality(-gap, tokens, GAIN, SCALE) for tokens in trades] for gap in behind])
    won[label] = [win_share(row, np.zeros_like(row), price, beta_p=1.0, beta_q=0.11) for row in tuned]
    ax.plot(behind, won[label], label=label)
ax.axvline(8, color="0.7", ls="--")
ax.annotate("open weights", (8, 0.02), xytext=(4, 0), textcoords="offset points", color="0.4")
ax.axvline(40, color="0.7", ls="--")
ax.annotate("volunteers' models", (40, 0.6), xytext=(4, 0), textcoords="offset points", color="0.4")
ax.set(xlabel="points behind on the whole", ylabel="share of trades won", ylim=(0, 1))
ax.legend(frameon=False)
plt.show()
even, cheap = won["at the same price"], won["at a tenth of the price"]
assert even[8] > 0.4 and even[40] < 0.05
assert cheap[8] > even[8] and cheap[40] < 0.8

# %% [markdown]
# > **In trades with enough text, if it starts from open weights.** Eight points behind on the whole, tuned models win about half of the trades or more; from
# > forty points behind almost none, unless they are far cheaper.

# %% [markdown]
# ## What is worth learning from data that nobody hands over?
# Hospitals may not give their records away. Three ways let a model learn from them all the same: on the hospitals' machines with noise added
# (*federated*), in sealed hardware (*enclave*), or by a visiting program whose results are looked at (*visits*).

# %%
private = simdai.load("protected_training")
learned = simdai.run(private, seed=1, replications=REPLICATIONS)
rows = learned.outcomes.set_index("outcome")
ways = ("public", "federated", "enclave", "visits")
gains = [rows.loc[f"{way}.gain", "mean"] for way in ways]
leaks = [rows.loc[f"{way}.leak", "mean"] for way in ways]

fig, ax = plt.subplots(figsize=(6, 3.2))
ax.scatter(leaks, gains, s=60)
for way, leak, gain in zip(ways, leaks, gains, strict=True):
    ax.annotate(way, (leak, gain), xytext=(8, -14 if way == "visits" else -2), textcoords="offset points")
ax.set(
    xlabel="share of what was told that leaks out",
    ylabel="points gained",
    ylim=(0, None),
    xlim=(-0.0004, None),
)
plt.show()
print({way: round(gain, 1) for way, gain in zip(ways, gains, strict=True)})
assert min(gains[1:]) > 2 * gains[0]

# %% [markdown]
# > **A lot.** Each way gains several times what public texts alone bring. None is free: noise costs points, sealed hardware time and trust in
# > its maker, visits an eye on each result.
#
# How much noise? The smaller $\epsilon$, the more noise, the less leaks and the less is learned.


# %%
def with_noise(epsilon: float) -> tuple[float, float]:
    """Points gained, and share that leaks, of the federated model."""
    changed = private.with_changes({"training.federated.access.epsilon": epsilon})
    outcomes = simdai.Simulation(changed, seed=1).run().outcomes
    return outcomes["federated.gain"], outcomes["federated.leak"]


@interact(epsilon=FloatLogSlider(min=-1, max=1.5, value=2, continuous_update=False))
def show_noise(epsilon):
    gain, leak = with_noise(epsilon)
    print(f"{gain:.1f} points gained, {leak:.2%} leaks")


# %%
noises = (0.5, 2.0, 8.0, 20.0)
found = [with_noise(epsilon) for epsilon in noises]
fig, axes = plt.subplots(1, 2, figsize=(9, 2.8))
for ax, values, title in zip(
    axes, zip(*found, strict=True), ("points gained", "share that leaks"), strict=True
):
    ax.semilogx(noises, values, "o-")
    ax.set_title(title, loc="left")
    ax.set_xlabel("epsilon")
plt.tight_layout()
plt.show()
for epsilon, (gain, leak) in zip(noises, found, strict=True):
    print(f"epsilon {epsilon:>4}: {gain:.1f} points, {leak:.3%} leaks")
assert found[0][1] < found[-1][1]

# %% [markdown]
# > **Protection is a dial, not a switch.** With more noise less leaks; hospitals that fear less agree more readily, which gives back some of what the noise
# > takes.
#
# **What this model does not know**: how large these niches are. How often services are closed, how much a tuned model gains in a trade and what a
# hospital asks are assumptions of grade C; `simdai sources protected_training` lists them.
