# %% [markdown]
# # The gap in scale
#
# Four companies train the models that most people use. Beside them volunteers train models in the open: hundreds of people
# lend machines, are paid a little for it, and own the result together. This notebook asks how much smaller the
# volunteers are, and what it would take to catch up.
#
# *Scale* is what a side can bring to bear: money, chips, and the arithmetic that goes into its largest model. That last one is
# counted in FLOP, single additions and multiplications. Chips are counted in H100e: how many of Nvidia's H100 would do as
# much.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatLogSlider, FloatSlider, interact

import simdai
from simdai.mechanisms.gaps import oom, time_to_close_years

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, fewer replications
DAYS = 120 if FAST else 1461
REPLICATIONS = 1 if FAST else 3
LABS = ("openai", "google", "anthropic", "meta")

# %% [markdown]
# ## How large is the gap?
# The scenario `labs_and_volunteers` begins in January 2026 with sourced numbers: what the labs earn, own and spend, and
# the largest model that volunteers had finished by then. From there on everything is played out.

# %%
scenario = simdai.load("labs_and_volunteers")
results = simdai.run(scenario, seed=1, replications=REPLICATIONS, until=DAYS)
series = results.series.groupby("time").mean(numeric_only=True)

chips = series[[f"{lab}.compute.h100e" for lab in LABS]].sum(axis=1)
volunteers = series["commons_run.nodes_h100e"]

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
left.semilogy(2026 + chips.index / 365.25, chips, label="four labs")
left.semilogy(2026 + chips.index / 365.25, volunteers, label="volunteers")
left.set(title="Chips at hand [H100e]", ylim=(1e2, 3e8))
left.legend(frameon=False, loc="center left")
right.semilogy(2026 + series.index / 365.25, series["gap.scale.largest_run_ratio"])
right.set(title="Largest run: labs over volunteers [times]", ylim=(1e2, 1e5))
for ax in (left, right):
    ax.set_xticks(range(2026, 2031))
plt.tight_layout()
plt.show()

at_start, at_end = series["gap.scale.largest_run_ratio"].iloc[[0, -1]]
chips_ratio = chips / volunteers
print(f"largest run: {at_start:,.0f} times at the start, {at_end:,.0f} times at the end")
print(f"chips: {chips_ratio.iloc[0]:,.0f} times at the start, {chips_ratio.iloc[-1]:,.0f} times at the end")
assert 500 < at_start < 2_000 and at_end > at_start
assert chips_ratio.iloc[0] > 10_000

# %% [markdown]
# > **About three orders of magnitude, and growing.** The labs' largest run holds a thousand times as much arithmetic as
# > the volunteers' largest; their chips are over ten thousand times as many, for most chips serve customers or make
# > experiments. The labs grow with their revenue; the volunteers, paid from a constant sum, do not keep up.
#
# On a *logarithmic* axis equal steps are equal factors: one grid line is ten times the one below. What is counted so is
# said in *orders of magnitude*: a thousand times is three.

# %% [markdown]
# ## How long would it take to catch up?
# If one side grows by a constant factor each year and the other by a larger one, their ratio $S$ falls to one after
# $\ln S / \ln(g_{open} / g_{closed})$ years. Where the open side does not grow faster, it never does.

# %%
growth_of_labs = float((chips.iloc[-1] / chips.iloc[0]) ** (365.25 / (chips.index[-1] - chips.index[0])))
print(f"the labs' chips grow {growth_of_labs:.1f} times a year in this run")


@interact(
    ratio=FloatLogSlider(min=1, max=6, value=1042, description="ratio now"),
    growth_open=FloatSlider(min=1, max=10, step=0.5, value=4, description="open side"),
    growth_closed=FloatSlider(min=1, max=6, step=0.5, value=2.5, description="labs"),
)
def show_years(ratio, growth_open, growth_closed):
    years = time_to_close_years(ratio, growth_open, growth_closed)
    print(
        f"{oom(ratio):.1f} orders of magnitude: " + (f"{years:.0f} years" if np.isfinite(years) else "never")
    )


# %%
growths = np.linspace(1.0, 10.0, 91)
fig, ax = plt.subplots(figsize=(7, 3.2))
for labs in (1.5, 2.5, 4.0):
    years = [time_to_close_years(at_start, growth, labs) for growth in growths]
    ax.plot(growths, np.where(np.isfinite(years), years, np.nan), label=f"labs grow {labs:g} times a year")
ax.set(ylim=(0, 30), xlabel="growth of the open side [times a year]", ylabel="years to catch up")
ax.legend(frameon=False)
plt.show()

assert np.isinf(time_to_close_years(at_start, 2.5, 2.5))
assert 14 < time_to_close_years(at_start, 4.0, 2.5) < 16

# %% [markdown]
# > **Only by growing faster for many years.** A side that quadruples every year behind labs that grow two and a half times
# > needs fifteen years for three orders of magnitude. No steady size, however large, closes a gap to something that grows.

# %% [markdown]
# ## Would more money do it?
# The volunteers' pay is a sum a year (`budget`), and machines come for the pay. Let us give them more, and see what their
# largest run is worth in compute that stands in one place.

# %%
alone = simdai.load("training/commons_run")
budget = alone.training["commons_run"].budget.usd.value  # USD a year
factors = (1, 10) if FAST else (1, 3, 10, 30)
spent, worth = [], []
for factor in factors:
    richer = alone.with_changes({"training.commons_run.budget.usd": f"{factor * budget} USD/y"})
    outcomes = simdai.Simulation(richer, seed=1).run(until=300 if FAST else 500).outcomes
    spent.append(outcomes["commons_run.flop"])
    worth.append(outcomes["commons_run.equivalent_flop"])
    print(
        f"{factor:>3} x {budget / 1e6:.1f} million USD a year: {spent[-1]:.1e} FLOP in all, "
        f"the largest run worth {worth[-1]:.1e}"
    )

fig, ax = plt.subplots(figsize=(6, 3.4))
ax.loglog(factors, np.array(worth) / worth[0], "o-", label="what the largest run is worth")
ax.loglog(factors, factors, ":", color="0.5", label="in proportion to the money")
ax.set(xlabel="money, times as it is", ylabel="times as it was")
ax.legend(frameon=False)
plt.show()

gain = worth[factors.index(10)] / worth[0]
print(f"ten times the money: {gain:.1f} times the compute")
assert 2.5 < gain < 5
assert all(np.diff(worth) > 0)

# %% [markdown]
# > **Money helps, but less than in proportion.** Ten times the money makes the largest run worth three to four times as much.
# > More machines must agree over ordinary links: they exchange updates seldom and compressed, which costs quality, and more of it
# > the more take part.
#
# **What this model does not know**: whether anybody would give that money, and whether so many machines of that kind are
# for rent. Labs' spending after 2026 follows from what customers pay, which nobody knows; that the labs' arithmetic was
# a thousand times as much in January 2026 is an estimate from published model sizes. `simdai sources labs_and_volunteers` prints
# where each number comes from, and which were assumed.
