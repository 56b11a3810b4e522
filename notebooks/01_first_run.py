# %% [markdown]
# # A first run
#
# simdai plays out economies of artificial intelligence on a clock: customers arrive with jobs, providers come and go,
# networks pay them in tokens, clouds sell at posted prices. You describe such a world in a short text file, a *scenario*;
# simdai runs it and tells what came out.
#
# This notebook runs the smallest scenario there is: one token network of 200 GPUs against one cloud. Every number in it
# is invented, so nothing here says anything about the world; the notebooks after this one use sourced numbers.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, interact

import simdai

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: fewer replications
REPLICATIONS = 3 if FAST else 10

# %% [markdown]
# ## What is in a scenario?
# `load` takes the name of a scenario that travels with simdai, or the path of a file of yours.

# %%
scenario = simdai.load("examples/minimal")
print(scenario.provenance.content.decode())

# %% [markdown]
# A run is a draw from everything that may happen: jobs arrive at random, devices fail at random. So we run it several
# times (*replications*), each with luck of its own, and look at the spread.

# %%
results = simdai.run(scenario, seed=1, replications=REPLICATIONS)
results.outcomes.set_index("outcome").loc[
    [
        "gridnet.price_usd_per_gpu_hour",
        "bigcloud.price_usd_per_gpu_hour",
        "gridnet.utilisation",
        "market.share.gridnet",
    ]
]

# %% [markdown]
# ## Does the network undercut the cloud?

# %%
ax = results.plot("gridnet.price_usd_per_gpu_hour", "bigcloud.price_usd_per_gpu_hour")
plt.show()

outcomes = results.outcomes.set_index("outcome")
network, cloud = (
    outcomes.loc["gridnet.price_usd_per_gpu_hour"],
    outcomes.loc["bigcloud.price_usd_per_gpu_hour"],
)
assert network["high"] < cloud["low"]

# %% [markdown]
# > **Yes.** A GPU-hour costs about two dollars on the network and three and a half in the cloud, and no replication says
# > otherwise: the intervals do not touch. The line is the mean over replications, the band holds 90 % of them.

# %% [markdown]
# ## Is the difference real, or luck?
# The same seed gives the same luck. Two scenarios with one seed meet the same customers at the same instants, so what
# differs between them is what we changed. `compare` pairs replication with replication.

# %%
dearer = scenario.with_changes({"networks.gridnet.providers.racks.ask": "3 USD/h"})
comparison = simdai.compare(scenario, dearer, replications=REPLICATIONS)
change = comparison.differences.set_index("outcome")
change.loc[["gridnet.price_usd_per_gpu_hour", "market.share.gridnet", "market.share.bigcloud"]]

# %%
rows = ["market.share.gridnet", "market.share.bigcloud", "market.share.outside"]
shown = change.loc[rows]
fig, ax = plt.subplots(figsize=(6, 2.4))
ax.errorbar(
    shown["difference"],
    rows,
    xerr=[shown["difference"] - shown["low"], shown["high"] - shown["difference"]],
    fmt="o",
)
ax.axvline(0, color="0.7", lw=1)
ax.set_xlabel("change of share when providers ask 3 USD/h instead of 2")
plt.show()
assert change.loc["market.share.gridnet", "high"] < 0 < change.loc["market.share.bigcloud", "low"]

# %% [markdown]
# > **Real.** When providers ask half as much again, the network loses share to the cloud, and the interval of the paired
# > difference lies wholly on one side of zero.

# %% [markdown]
# ## How much can providers ask before customers leave?
# Move the slider: each position is a run of its own.


# %%
def share_at(ask: float) -> float:
    """Share of the work that the network does when its providers ask ``ask`` USD an hour."""
    changed = scenario.with_changes({"networks.gridnet.providers.racks.ask": ask, "horizon": "14 d"})
    return float(simdai.Simulation(changed, seed=1).run().outcomes["market.share.gridnet"])


@interact(ask=FloatSlider(min=1, max=5, step=0.5, value=2, continuous_update=False))
def show(ask):
    print(f"at {ask:.2f} USD/h the network does {share_at(ask):.0%} of the work")


# %%
asks = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
shares = [share_at(ask) for ask in asks]
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(asks, shares, "o-")
ax.axvline(3.5, color="0.7", ls="--")
ax.annotate("the cloud's price", (3.5, 0.05), xytext=(4, 0), textcoords="offset points", color="0.4")
ax.set(xlabel="ask of the providers [USD/h]", ylabel="network's share of the work", ylim=(0, 1))
plt.show()
assert all(np.diff(shares) < 0)

# %% [markdown]
# > **There is no cliff.** Customers differ in taste, so the share falls steadily as the network gets dearer and some stay
# > even when the cloud is cheaper. That smoothness is an assumption of the model (a *logit* choice), and it is written in
# > the scenario: `price_sensitivity`.
#
# **What this model does not know**: why a customer prefers a cloud at the same price (trust, support, contracts) is not
# explained but put in as a number; the scenario above puts it at zero.
