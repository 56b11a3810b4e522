# %% [markdown]
# # Early bets
#
# Somebody puts a hundred dollars into each of some young projects: tokens of networks, shares of labs. Most come to little; a few may make up for
# all. This notebook asks what such a portfolio returns, why the average says so little, and how it compares with holding Bitcoin.
#
# **It is no advice.** The numbers of a model that knows nothing of the future beyond its assumptions are no forecast.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, IntSlider, interact

import simdai
from simdai.metrics.venture import (
    any_hit,
    correlated_uniforms,
    holdings_for,
    portfolio_multiples,
    token_quantile,
    venture_multiples,
)

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, fewer replications
DAYS, REPLICATIONS = (185, 1) if FAST else (731, 5)
DRAWS = 2_000 if FAST else 20_000

# %% [markdown]
# ## What did early bets return in the past?
# Correlation Ventures counted over 21,000 financings of young companies from 2004 to 2013: two of three lost money, four in a hundred returned ten times the
# stake or more. Here are draws from that distribution; a *multiple* of 3 is three dollars for one.

# %%
rng = np.random.default_rng(1)
ventures = np.sort(venture_multiples(rng, DRAWS))[::-1]
fig, ax = plt.subplots(figsize=(7, 3))
ax.loglog(np.arange(1, DRAWS + 1) / DRAWS, np.maximum(ventures, 0.01))
ax.axhline(1, color="0.7", ls="--")
ax.set(xlabel="share of bets that did at least as well", ylabel="multiple")
plt.show()
lost, best = float(np.mean(ventures < 1)), ventures[: DRAWS // 100].sum() / ventures.sum()
print(f"{lost:.0%} lost money; the best hundredth made {best:.0%} of all that came back")
assert 0.6 < lost < 0.7
assert best > 0.15

# %% [markdown]
# > **Most lost, and a hundredth made a large part of the whole.** On axes of equal factors the line is nearly straight to the left: a
# > *power law*, in which no size is too large to happen, and averages are made by a few.

# %% [markdown]
# ## How many bets does it take?
# If four in a hundred make it big, the chance of at least one among $n$ is $1 - (1 - p)^n$.


# %%
@interact(n=IntSlider(min=1, max=200, value=20), p=FloatSlider(min=0.01, max=0.2, step=0.01, value=0.04))
def show_hits(n, p):
    print(f"at least one in {n}: {any_hit(p, n):.0%}; nine chances of ten take {holdings_for(p)} bets")


# %%
sizes = (1, 3, 10, 30, 100)
wholes = {n: portfolio_multiples(venture_multiples(rng, (DRAWS // 4, n))) for n in sizes}
fig, ax = plt.subplots(figsize=(7, 3))
for place, n in enumerate(sizes):
    low, quarter, middle, three, high = np.quantile(wholes[n], (0.05, 0.25, 0.5, 0.75, 0.95))
    ax.plot([max(low, 0.01), high], [place, place], color="tab:blue", lw=1)
    ax.plot([max(quarter, 0.01), three], [place, place], color="tab:blue", lw=4)
    ax.plot(max(middle, 0.01), place, "o", color="tab:blue", markeredgecolor="white")
ax.axvline(1, color="0.7", ls="--")
ax.set_xscale("log")
ax.set_yticks(range(len(sizes)), [f"{n} bets" for n in sizes])
ax.set_xlabel("multiple of the whole: middle, half and nine tenths of cases")
plt.show()
medians = [float(np.median(wholes[n])) for n in sizes]
print([f"{n} bets: {median:.2f}" for n, median in zip(sizes, medians, strict=True)])
assert holdings_for(0.04) == 57
assert medians[0] < 1 < medians[-1] and all(np.diff(medians) > 0)

# %% [markdown]
# > **Fifty-seven for nine chances of ten at one big win.** With few bets the usual result is a loss although the average is a gain: the average is made by
# > cases that one holds only with many bets.

# %% [markdown]
# ## Do many bets help if all fall together?
# Tokens rise and fall with the whole market, and many die: of those of 2020 and 2021 two thirds were dead after two and a half years. With shared luck a portfolio is
# less of a protection.

# %%
fig, ax = plt.subplots(figsize=(7, 3))
spread = {}
for loading in (0.0, 0.5, 0.8):
    uniforms = correlated_uniforms(np.random.default_rng(2), DRAWS // 4, 30, [loading])
    whole = portfolio_multiples(token_quantile(uniforms, years=2.0))
    spread[loading] = float(np.mean(whole < 0.5))
    ax.hist(
        np.log10(np.maximum(whole, 0.01)),
        bins=60,
        density=True,
        histtype="step",
        label=f"shared luck {loading:g}",
        lw=1.6,
    )
ax.axvline(0, color="0.7", ls="--")
ax.set_xticks([-2, -1, 0, 1, 2], ["0.01", "0.1", "1", "10", "100"])
ax.set(xlabel="multiple of 30 tokens after two years", yticks=[])
ax.legend(frameon=False)
plt.show()
print({loading: f"{share:.0%} lose more than half" for loading, share in spread.items()})
assert spread[0.0] < spread[0.5] < spread[0.8]

# %% [markdown]
# > **Much less.** Thirty tokens that fall together lose more than half far more often than thirty with luck of their own.

# %% [markdown]
# ## What would these projects return?
# Two labs that sell shares, four token networks, and Bitcoin beside them. A stake is bought at the end of the first month. Tokens return
# their price, shares the lab's valuation times what later rounds left of them, and whoever died returns nothing.

# %%
scenario = simdai.load(
    {
        "question": "What would early stakes have returned?",
        "extends": ["singularitynet", "ocean", "the_graph", "networks/bittensor", "networks/bitcoin", "labs_race"],
        "overrides": ["the_graph_coarse"],
        "start": "2026-01-01", "horizon": "1096 d", "warm_up": "28 d", "record_every": "14 d",
        "networks": {"bittensor": {"step": "7 d"}, "ocean": {"step": 7}, "singularitynet": {"step": "7 d"}},
        "demand": {"callers": {"count": 30, "calls_per_day": 400}},
    }
)  # fmt: skip
results = simdai.run(scenario, seed=1, replications=REPLICATIONS, until=DAYS)
returns = results.returns()
returns.round(2)

# %%
fig, ax = plt.subplots(figsize=(7, 3.6))
for place, row in enumerate(returns.itertuples()):
    colour = (
        "0.6" if row.stake.startswith("published") else "tab:orange" if row.stake == "bitcoin" else "tab:blue"
    )
    ax.plot([max(row.q05, 0.01), row.q95], [place, place], color=colour, lw=1.2)
    ax.plot([max(row.q25, 0.01), row.q75], [place, place], color=colour, lw=4)
    ax.plot(max(row.q50, 0.01), place, "o", color=colour, markeredgecolor="white")
ax.axvline(1, color="0.7", ls="--")
ax.set_xscale("log")
ax.set_yticks(range(len(returns)), returns["stake"])
ax.invert_yaxis()
ax.set_xlabel(f"multiple after {returns.attrs['years']:.1f} years")
plt.show()
by_stake = returns.set_index("stake")
published = by_stake.loc["published: one token"]
modelled = by_stake.loc[["bittensor", "ocean", "singularitynet", "the_graph"]]
assert (modelled["q95"] < 10).all()
assert published["zero"] > modelled["zero"].max()

# %% [markdown]
# > **Less wide a spread than early bets had.** None of the modelled networks returns ten times in this time, and fewer die than did of the tokens of 2020 and 2021. These
# > are not early bets any more: they were chosen because they are still here (*survivorship*). For a young project the grey lines are the better guide.

# %% [markdown]
# ## How much of the project is still yours?
# A network creates tokens, a lab sells new shares; both make an old stake a smaller part of the whole.

# %%
kept = modelled["kept"].sort_values()
fig, ax = plt.subplots(figsize=(7, 2.2))
ax.barh(kept.index, kept, color="tab:blue")
ax.axvline(1, color="0.7", ls="--")
ax.set_xlabel("what is left of a part of the whole")
plt.show()
print(kept.round(3).to_dict())
assert kept.idxmin() == "bittensor" and kept["bittensor"] < 0.96
assert kept["ocean"] >= 1

# %% [markdown]
# > **Bittensor's emission takes the most; Ocean's burns give a little back.** A price that only holds is a loss where the supply grows.
#
# **What this model does not know**: which projects will be started, and everything about people. It holds networks that exist, under rules that are
# known, with swings of prices as in the past. Early bets are made on what does not exist yet.
