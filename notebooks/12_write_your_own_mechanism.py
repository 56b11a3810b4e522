# %% [markdown]
# # Write your own mechanism
#
# A token network is put together from rules: who sets prices, where payments go, how jobs find providers, how new tokens
# are created and shared. simdai calls these *kinds*, in *families*; `simdai kinds` lists those there are. This notebook
# adds one that nobody has: new tokens that appear only while the network is busy. Then it watches the market with a few
# lines of SimPy.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import simdai
from simdai.mechanisms.emit import Emit, Supply
from simdai.mechanisms.reward import EpochWork, Reward
from simdai.mechanisms.rounding import largest_remainder
from simdai.units import Positive

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: fewer replications
REPLICATIONS = 3 if FAST else 10

# %% [markdown]
# ## A rule in ten lines
# A kind is a class of its family with a name. Its fields are what a scenario file may say; its one method is the rule.
# A rule sees no clock, no ledger and no randomness, so it can be tried by hand.
#
# The family `reward` shares an epoch's pool of tokens among providers. Ours pays by work, but no provider more than a
# stated number of tokens for each dollar that its customers paid: whoever invents work to collect rewards then has to
# pay for it.


# %%
class TokensPerDollar(Reward, kind="tokens_per_dollar"):
    """By completed work, at most ``tokens_per_usd`` for each USD that customers paid; the rest stays in the pool.

    Parameters
    ----------
    tokens_per_usd : whole tokens
    decimals : of the token
    """

    tokens_per_usd: Positive
    decimals: int = 8

    def amounts(self, pool, work, units_per_usd):
        wanted = int(self.tokens_per_usd * 10**self.decimals * float(work.value_usd.sum()))
        return largest_remainder(min(pool, wanted), work.value_usd)


# %%


work = EpochWork(
    gpu_hours=np.array([5.0, 5.0]), value_usd=np.array([10.0, 30.0]), online_hours=np.array([7.0, 7.0])
)
rule = TokensPerDollar(tokens_per_usd=2.0)
paid = rule.amounts(pool=1000 * 10**8, work=work, units_per_usd=1e8)
print(paid / 10**8, "tokens of a pool of 1000")
assert list(paid) == [20 * 10**8, 60 * 10**8]

# %% [markdown]
# Forty dollars of work at two tokens a dollar are eighty tokens, a quarter of them for the first provider. The other 920
# stay in the pool.
#
# ## What does the cap change?
# The class registered itself when it was defined, so a scenario may name it at once.

# %%
base = simdai.load("examples/minimal")
capped = base.with_changes({"networks.gridnet.reward": {"kind": "tokens_per_dollar", "tokens_per_usd": 0.5}})
pair = simdai.compare(base, capped, replications=REPLICATIONS)
differences = pair.differences.set_index("outcome")
differences.loc[["gridnet.token.price_usd", "gridnet.providers.margin", "gridnet.token.issued"]]

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
for results, label in ((pair.a, "whole pool by work"), (pair.b, "capped by fees")):
    for ax, name in ((left, "gridnet.token.price_usd"), (right, "gridnet.providers.margin")):
        mean = results.series.groupby("time")[name].mean()
        ax.plot(mean.index, mean, label=label)
        ax.set(xlabel="day", title=name)
left.legend(frameon=False)
plt.tight_layout()
plt.show()
assert differences.loc["gridnet.token.price_usd", "low"] > 0
assert differences.loc["gridnet.providers.margin", "high"] < 0

# %% [markdown]
# > **The cap moves income from providers to holders of the token.** Fewer tokens are sold while as many are
# > burned, so the price rises more; providers, who live on rewards here, earn less. Both intervals exclude zero.
#
# ## A second rule: tokens only while there is work to pay for
# The family `emit` says how many tokens are created between two times. This one follows another schedule, but never
# beyond a share of what exists.


# %%
class AtMostShare(Emit, kind="at_most_share"):
    """Another schedule, bounded by a yearly share of the tokens that exist.

    Parameters
    ----------
    rule : the schedule
    annual_share : of the tokens that exist
    """

    rule: Emit
    annual_share: Positive

    def tokens(self, start, end, supply):
        most = supply.existing * self.annual_share * (end - start) / 365.25
        return min(self.rule.tokens(start, end, supply), most)


schedule = AtMostShare(rule={"kind": "fixed", "per_day": 5000.0}, annual_share=0.01)
assert schedule.tokens(0.0, 1.0, Supply(existing=1e8)) == 1e8 * 0.01 / 365.25

# %% [markdown]
# A rule may hold another rule: `rule` takes any kind of the family, as a scenario would write it.
#
# ## Watching with SimPy
# The clock is SimPy's, so a process of your own runs beside the compiled market, on the same clock, to the last bit.
# This one waits for the queue to grow beyond ten jobs and notes the instant.

# %%
sim = simdai.Simulation(base.with_changes({"demand.startups.jobs_per_day": 540}), seed=1)
venue = sim.world.networks["gridnet"].venue.index
crowded = []


def watch(sim):
    while True:
        yield sim.world.market.signal("queue_above", venue=venue, level=10)
        crowded.append(sim.now)
        yield sim.world.market.signal("queue_empty", venue=venue)


sim.env.process(watch(sim))
run = sim.run(until=15)

fig, ax = plt.subplots(figsize=(8, 2.5))
ax.plot(run.times, run.series["gridnet.wait_hours_mean"])
for instant in crowded:
    ax.axvline(instant, color="0.8", lw=0.7, zorder=0)
ax.set(xlabel="day", ylabel="mean wait [h]", title="Grey: the queue grew beyond ten jobs")
plt.show()
assert crowded and all(0 < instant < 15 for instant in crowded)

# %% [markdown]
# > **The process saw every time the queue passed ten jobs**, between the days at which the market's own series are
# > recorded: events have no time step.
#
# To give a kind to others, put it in a package of its own with an entry point (`simdai.mechanisms`); whoever installs
# the package can name the kind in a scenario.
