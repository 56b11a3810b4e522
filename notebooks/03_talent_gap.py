# %% [markdown]
# # The gap in talent
#
# Models are made by a few thousand people. Labs pay them millions a year and give them machines to try ideas on; open
# projects offer prizes, tokens, a cause and freedom. This notebook asks who gets whom, and what a raid on the labs would change.
#
# It uses the scenario `talent`: the labour market alone. Four labs hire by plan, one open project (`commons`) pays by
# prizes and tokens, and everybody else works outside. People move where pay, machines, good models and the mission draw them.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, IntSlider, interact

import simdai
from simdai.mechanisms.talent import (
    certainty_equivalent,
    contest_entrants,
    team_optimum,
    team_output,
    tullock,
)

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, fewer replications
DAYS = 400 if FAST else 1461
REPLICATIONS = 2 if FAST else 3
EMPLOYERS = ("openai", "google", "anthropic", "meta", "commons")

# %% [markdown]
# ## Who has the researchers?
# Two able people are worth more than two beginners, and somebody who gives a project a fifth of the week is worth a fifth. So
# people are counted as *effective labour*: ability times the share of time, in researchers of usual ability at full time.

# %%
scenario = simdai.load("talent")
results = simdai.run(scenario, seed=1, replications=REPLICATIONS, until=DAYS)
outcomes = results.outcomes.set_index("outcome")
labour = outcomes.loc[[f"market.{name}.effective_labour" for name in EMPLOYERS], "mean"]
heads = outcomes.loc[[f"market.{name}.researchers" for name in EMPLOYERS], "mean"]

fig, ax = plt.subplots(figsize=(7, 2.8))
places = np.arange(len(EMPLOYERS))
ax.barh(places + 0.2, heads, 0.38, label="people", color="0.7")
ax.barh(places - 0.2, labour, 0.38, label="effective labour")
ax.set_yticks(places, EMPLOYERS)
ax.set_xscale("log")
ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1.3, 1))
ax.set_title("Researchers at the end", loc="left")
plt.show()

ratio = outcomes.loc["market.effective_labour_ratio", "mean"]
ablest = outcomes.loc["market.top_decile_share", "mean"]
print(f"labs over the open project: {ratio:.0f} times; of the ablest tenth {ablest:.1%} work for labs")
assert ratio > 50
assert ablest > 0.9
worth = labour.to_numpy() / heads.to_numpy()  # of a head
assert worth[-1] == min(worth)

# %% [markdown]
# > **The labs, and the ablest most of all.** They have over fifty times the labour, and more than nine of ten of the ablest. A
# > head in the open project is worth less than in any lab, for most give it a part of their time.

# %% [markdown]
# ## What if a fifth of the labs' researchers left?
# The patch `talent_exodus` sends them to open projects at the start of 2027. Both runs share their luck, so that the difference is the
# exodus and nothing else.

# %%
exodus = simdai.load("talent", overrides=["talent_exodus"])
left = simdai.run(exodus, seed=1, replications=REPLICATIONS, until=DAYS)

fig, axes = plt.subplots(1, 2, figsize=(10, 3.2))
share = {}
for name, one in (("as it is", results), ("exodus", left)):
    series = one.series.groupby("time").mean(numeric_only=True)
    years = 2026 + series.index / 365.25
    axes[0].plot(years, series["market.commons.researchers"], label=name)
    axes[1].semilogy(years, series["market.effective_labour_ratio"], label=name)
    share[name] = series["market.effective_labour_ratio"]
axes[0].set_title("People in the open project", loc="left")
axes[1].set_title("Labour of labs over the open project [times]", loc="left")
axes[0].legend(frameon=False)
for ax in axes:
    ax.set_xticks(range(2026, 2031))
plt.tight_layout()
plt.show()

least, last = share["exodus"].min(), share["exodus"].iloc[-1]
print(
    f"the ratio falls to {least:.0f} and ends at {last:.0f}; without the exodus at {share['as it is'].iloc[-1]:.0f}"
)
assert least < share["as it is"].min()
assert last > least

# %% [markdown]
# > **The gap narrows at once, and reopens.** The labs fill the empty posts, bid up pay, and call many of those who left back: a raid
# > changes the stock of people, not what draws them.

# %% [markdown]
# ## Does a larger team do more?
# Everybody in a team costs everybody else some time. With a cost $c$ for each colleague, $n$ people do the work of
# $n (1 - c (n - 1))$.


# %%
@interact(cost=FloatSlider(min=0.001, max=0.02, step=0.001, value=0.004, readout_format=".3f"))
def show_best(cost):
    print(
        f"the best size is {team_optimum(cost):.0f} people, who do the work of {team_output(team_optimum(cost), cost):.0f}"
    )


# %%
sizes = np.arange(1, 260)
fig, ax = plt.subplots(figsize=(7, 3))
for cost in (0.002, 0.004, 0.008):
    ax.plot(
        sizes, [max(team_output(n, cost), 0) for n in sizes], label=f"{cost:.1%} of time for each colleague"
    )
ax.plot([1, 250], [1, 250], ":", color="0.6")
ax.set(xlabel="people in one team", ylabel="work done [people]", ylim=(0, 130))
ax.legend(frameon=False)
plt.show()
best = team_optimum(0.004)
assert 120 < best < 130 and 0.49 < team_output(best, 0.004) / best < 0.51

# %% [markdown]
# > **Up to a point.** At four thousandths of everybody's time for each colleague a team is largest in effect with 125 people,
# > and then half of the time is talk. So large staffs are trees of small teams, and the labs' size is worth less than it looks.

# %% [markdown]
# ## What does a prize buy?
# Open projects often pay by contest: the best answer gets the prize. With free entry people come until the prize just pays for the
# effort, and most of the effort is lost on those who do not win. Pay in tokens has another cost: its worth is uncertain, and
# most people would take less in money that is sure.


# %%
@interact(entrants=IntSlider(min=2, max=20, value=5))
def show_contest(entrants):
    contest = tullock(20_000.0, entrants)
    print(
        f"{entrants} entrants spend {contest.effort_each:,.0f} USD of effort each, {contest.effort_total:,.0f} in all"
    )


# %%
volatility = np.linspace(0.0, 1.5, 60)
fig, ax = plt.subplots(figsize=(7, 3))
for aversion in (1.0, 2.0):
    worth = [certainty_equivalent(1.0, aversion, sd, 1.0) for sd in volatility]
    ax.plot(volatility, worth, label=f"aversion to risk {aversion:g}")
ax.axvline(1.0, color="0.7", ls="--")
ax.annotate("a usual token", (1.0, 0.9), xytext=(4, 0), textcoords="offset points", color="0.4")
ax.set(
    xlabel="yearly volatility of the token",
    ylabel="worth of 1 USD in tokens, a year later [USD]",
    ylim=(0, 1.05),
)
ax.legend(frameon=False)
plt.show()
assert 0.60 < certainty_equivalent(1.0, 1.0, 1.0, 1.0) < 0.61
assert contest_entrants(20_000.0, 2_000.0) == 3
assert 4_000 < tullock(20_000.0, 3).effort_each < 5_000

# %% [markdown]
# > **Less than it costs.** A dollar in a usual token that is locked for a year is worth sixty cents to somebody with a usual
# > aversion to risk; and a prize of 20,000 dollars, with 2,000 to enter, draws three people who put in over 4,000 each,
# > though one is paid.
#
# **What this model does not know**: what people want beyond pay, machines, models and a constant "mission" that was
# set so that it reproduces flows between labs that SignalFire counted. Numbers of open contributors are rough, and ability is a
# bell curve by assumption.
