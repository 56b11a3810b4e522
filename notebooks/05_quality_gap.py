# %% [markdown]
# # The gap in quality
#
# How good is the best model that nobody controls? There are two answers. Some companies publish the *weights* of models that they trained
# in their own halls; anybody may then serve them. And volunteers train models of their own. The first are *served* in the open,
# the second also *trained* in the open, and this notebook keeps them apart.
#
# Quality is measured on the Epoch Capabilities Index: many benchmarks brought to one scale, on which Claude 3.5 Sonnet (June 2024)
# has 130 points and GPT-5 (August 2025) 150.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatLogSlider, IntSlider, interact

import simdai
from simdai.mechanisms.scaling import elo_win_probability, index_from_compute

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, fewer replications
DAYS = 240 if FAST else 1096
REPLICATIONS = 1 if FAST else 3
POINTS_PER_OOM = 13.2  # index points for ten times the compute
ELO_PER_POINT = 7  # assumption

# %% [markdown]
# ## How far behind is the open side?

# %%
scenario = simdai.load("labs_and_volunteers")
results = simdai.run(scenario, seed=1, replications=REPLICATIONS, until=DAYS)
series = results.series.groupby("time").mean(numeric_only=True)
years = 2026 + series.index / 365.25

fig, ax = plt.subplots(figsize=(7, 3.4))
for name, label in (
    ("closed", "best closed model"),
    ("served", "best open weights"),
    ("trained", "best trained by volunteers"),
):
    ax.plot(years, series[f"gap.quality.{name}_index"], label=label)
ax.set_ylabel("index [points]")
ax.set_xticks(range(2026, 2030))
ax.legend(frameon=False)
plt.show()

outcomes = results.outcomes.set_index("outcome")["mean"]
served, trained = (outcomes[f"gap.quality.{side}_points"] for side in ("served", "trained"))
served_lag, trained_lag = (outcomes[f"gap.quality.{side}_lag_days"] for side in ("served", "trained"))
print(f"open weights: {served:.0f} points or {served_lag:.0f} days behind")
print(f"trained by volunteers: {trained:.0f} points or {trained_lag / 365.25:.1f} years behind")
assert served < 10 and served_lag < 240
assert trained > 30 and trained_lag > 2 * 365

# %% [markdown]
# > **Months where companies publish weights, years where volunteers train.** What can be served in the open is a few points and some months
# > behind; what is trained in the open more than thirty points and years.

# %% [markdown]
# ## What is a point worth?
# The *lag* asks how long ago the frontier was where the open side is now. Another measure is a contest: people see two answers and
# choose the better (*Elo*). Points and Elo are tied here by an assumption, seven Elo a point.


# %%
@interact(points=IntSlider(min=0, max=60, value=8))
def show_contest(points):
    print(
        f"{points} points ahead: the better model's answer is preferred {elo_win_probability(ELO_PER_POINT * points):.0%} of the time"
    )


# %%
gaps = np.linspace(0, 70, 71)
fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(gaps, [elo_win_probability(ELO_PER_POINT * gap) for gap in gaps])
for gap, label in ((served, "served"), (trained, "trained")):
    ax.plot(gap, elo_win_probability(ELO_PER_POINT * gap), "o")
    ax.annotate(
        label, (gap, elo_win_probability(ELO_PER_POINT * gap)), xytext=(6, -12), textcoords="offset points"
    )
ax.set(xlabel="points ahead", ylabel="how often the closed answer is preferred", ylim=(0.5, 1))
plt.show()
assert elo_win_probability(ELO_PER_POINT * served) < 0.6
assert elo_win_probability(ELO_PER_POINT * trained) > 0.75

# %% [markdown]
# > **Little between closed and published models, much between these and what volunteers train.** A few points behind, an answer is preferred nearly
# > as often; thirty and more behind, three of four people see the difference.

# %% [markdown]
# ## How much quality does compute buy?
# Ten times the compute brings some thirteen points; better methods bring as much again, for everybody who learns of them.


# %%
@interact(times=FloatLogSlider(min=0, max=5, value=1000, description="compute"))
def show_points(times):
    print(f"{times:,.0f} times the compute: {index_from_compute(POINTS_PER_OOM, times):+.0f} points")


# %%
ratios = np.logspace(0, 5, 50)
fig, ax = plt.subplots(figsize=(7, 3))
ax.semilogx(ratios, [index_from_compute(POINTS_PER_OOM, ratio) for ratio in ratios])
ax.axvline(1042, color="0.7", ls="--")
ax.annotate("labs over volunteers, 2026", (1042, 3), xytext=(4, 0), textcoords="offset points", color="0.4")
ax.set(xlabel="compute, times", ylabel="points")
plt.show()
from_compute = index_from_compute(POINTS_PER_OOM, 1042)
at_start = series["gap.quality.trained_points"].iloc[0]
print(f"a thousand times the compute: {from_compute:.0f} points; the gap at the start: {at_start:.0f}")
assert abs(from_compute - at_start) < 8

# %% [markdown]
# > **The gap of the volunteers is their gap in scale.** A thousand times the compute is worth forty points, and forty points are
# > what they were behind in January 2026.

# %% [markdown]
# ## What if nobody published weights any more?
# The patch `open_weights_stop` says so from 2027 on. (In the tests, which see less than a year, it begins in April 2026.)

# %%
at = "2026-04-01" if FAST else "2027-01-01"
stopped = scenario.with_changes({"shocks": [{"kind": "open_weights_change", "at": at, "releases": 0}]})
after = simdai.run(stopped, seed=1, replications=REPLICATIONS, until=DAYS)
without = after.series.groupby("time").mean(numeric_only=True)

fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(years, series["gap.quality.served_points"], label="as it is")
ax.plot(years, without["gap.quality.served_points"], label="nobody publishes weights")
ax.set_ylabel("open weights behind [points]")
ax.set_xticks(range(2026, 2030))
ax.legend(frameon=False)
plt.show()
grown = without["gap.quality.served_points"].iloc[-1] - series["gap.quality.served_points"].iloc[-1]
print(f"at the end the gap is {grown:.0f} points wider")
assert grown > (2 if FAST else 10)

# %% [markdown]
# > **It opens by more than ten points in two years.** The open side's quality is borrowed: it stands on models that companies choose to give away.
#
# **What this model does not know**: why companies give weights away, and whether they will go on. Releases come by chance at a rate counted in
# the past. One index stands for all uses; a model that is poor on the whole may be the best at one thing, which is what the notebook on niches
# is about.
