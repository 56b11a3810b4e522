# %% [markdown]
# # Sweeps and discovery
#
# One run answers one question: what happens if all numbers are these, with this luck. Nobody knows the numbers. This notebook shows how to ask
# better: what matters, under which conditions something happens, where it tips, and what luck has to do with it. The scenario is the smallest there
# is, with invented numbers, so that everything runs in seconds; a study of yours is written the same way.

# %%
import os

import matplotlib.pyplot as plt
from ipywidgets import IntSlider, interact

import simdai
from simdai.experiments.analysis import prim, tipping_point, tornado
from simdai.experiments.statistics import t_interval
from simdai.report import analysis_figures

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: fewer points and replications
POINTS, REPLICATIONS, TOLERANCE = (20, 2, 0.2) if FAST else (100, 8, 0.05)
SHORT = {"horizon": "7 d", "warm_up": "2 d"} if FAST else {"horizon": "14 d", "warm_up": "4 d"}

# %% [markdown]
# ## What is luck, and what is not?
# Ten runs of one scenario differ by luck alone. The *95 % interval* of their mean covers the true mean in nineteen of twenty such experiments; four times the
# runs make it half as wide.

# %%
base = simdai.load("examples/minimal", set=SHORT)
many = simdai.run(base, seed=1, replications=8 if FAST else 40)
values = many.runs["gridnet.utilisation"].to_numpy()
counts = (3, 5, len(values))
intervals = [t_interval(values[:n]) for n in counts]

fig, ax = plt.subplots(figsize=(7, 2.8))
ax.plot(range(1, len(values) + 1), values, "o", color="0.7", markersize=4, label="a run")
for n, interval in zip(counts, intervals, strict=True):
    ax.errorbar(n + 0.25, interval.mean, yerr=interval.half_width, fmt="s", color="tab:blue", capsize=3)
ax.set(
    xlabel="runs", ylabel="use of the network", title="Blue: mean and 95 % interval of the runs up to there"
)
plt.show()


@interact(n=IntSlider(min=2, max=len(values), value=5))
def show_interval(n):
    interval = t_interval(values[:n])
    print(f"{n} runs: {interval.mean:.3f} ± {interval.half_width:.3f}")


assert intervals[-1].half_width < 0.7 * intervals[0].half_width

# %% [markdown]
# > **Most of the difference between two runs is luck, and more runs narrow it.** Never compare two single runs with luck of their own.
#
# ## How do two scenarios share their luck?
# With one seed both meet the same customers and the same failures, so luck cancels in the difference. `Comparison.luck` says how much narrower that makes it than
# as many runs with luck of their own.

# %%
pair = simdai.compare(
    base,
    base.with_changes({"networks.gridnet.providers.racks.ask": "2.2 USD/h"}),
    replications=REPLICATIONS + 3,
)
luck = pair.luck.set_index("outcome")
names = ["gridnet.utilisation", "market.share.gridnet", "gridnet.token.price_usd"]
fig, ax = plt.subplots(figsize=(7, 2.2))
ax.barh(names, luck.loc[names, "ratio"])
ax.axvline(1, color="0.6", ls="--")
ax.invert_yaxis()
ax.set_xlabel("width of the difference's interval, over that of independent runs")
plt.show()
assert luck.loc[names, "ratio"].max() < 0.9
assert luck.loc[names, "ratio"].min() < 0.7

# %% [markdown]
# > **They meet the same events.** The interval of the difference is a fraction of that of independent runs, which would have to be many times as
# > many to be as accurate.

# %% [markdown]
# ## Which unknowns matter?
# A *tornado* moves one unknown at a time from the middle of its range to the ends. The study `first_screening` travels with simdai.

# %%
screening = simdai.sweep("first_screening", replications=1 if FAST else 3, set=SHORT)
table = tornado(screening, "gridnet.utilisation")
analysis_figures.tornado(table)
plt.show()
widest = table.groupby("factor")["difference"].apply(lambda d: d.abs().max()).sort_values(ascending=False)
print(widest.round(3).to_dict())
assert widest.index[0] == "demand"
assert widest["electricity"] < 0.2 * widest["demand"]

# %% [markdown]
# > **Demand, then what rivals ask; electricity hardly at all.** What moves nothing may be left at a guess, and the effort goes where it counts.

# %% [markdown]
# ## Under which conditions does the network win?
# Now all unknowns move at once, over many points. *PRIM* peels away what does not belong until a box is left in which most cases are of the wanted
# kind: here, that the network does more than 70 % of the work.

# %%
discovery = simdai.sweep(
    {
        "question": "When does the network do more than seven tenths of the work?",
        "base": base,
        "uncertainties": {
            "cloud_price": {"kind": "uniform", "path": "clouds.bigcloud.price", "low": "2 USD/h", "high": "5 USD/h"},
            "ask": {"kind": "uniform", "path": "networks.gridnet.providers.racks.ask", "low": "1 USD/h", "high": "4 USD/h"},
            "emission": {"kind": "log_uniform", "path": "networks.gridnet.emit.per_day", "low": 500, "high": 50_000},
        },
        "outcomes": ["market.share.gridnet"],
        "design": {"kind": "latin_hypercube", "points": POINTS},
    }
)  # fmt: skip
box = prim(discovery, "market.share.gridnet", above=0.7)
box.round(2)

# %%
points = discovery.points.assign(share=discovery.means("market.share.gridnet"))
won = points["share"] > 0.7
fig, ax = plt.subplots(figsize=(6, 3.6))
ax.scatter(points["cloud_price"], points["ask"], c=won.map({True: "tab:blue", False: "0.8"}))
limits = box.set_index("factor")
x = limits.loc["cloud_price", ["low", "high"]] if "cloud_price" in limits.index else [2, 5]
y = limits.loc["ask", ["low", "high"]] if "ask" in limits.index else [1, 4]
ax.fill_between(x, *y, color="tab:blue", alpha=0.12, lw=0)
ax.set(
    xlabel="the cloud's price [USD/h]",
    ylabel="providers' ask [USD/h]",
    title="Blue: the network does more than 70 % of the work",
)
plt.show()
found = box.iloc[0]
print(
    f"{won.mean():.0%} of all points, {found['density']:.0%} of those in the box; it holds {found['coverage']:.0%} of the cases"
)
assert "ask" in limits.index and "emission" not in limits.index
assert found["density"] > 1.3 * won.mean()

# %% [markdown]
# > **When providers ask little and the cloud does not.** The box bounds the ask, and leaves emission alone: how many tokens are created says nothing about who gets the
# > work, as long as providers stay.

# %% [markdown]
# ## Where does it tip?
# For one unknown, a bisection finds where the share passes seven tenths, all runs with the same luck.

# %%
tipping = tipping_point(
    base, "networks.gridnet.providers.racks.ask", "1 USD/h", "4 USD/h", "market.share.gridnet", 0.7,
    tolerance=TOLERANCE, replications=REPLICATIONS,
)  # fmt: skip
analysis_figures.tipping(tipping)
plt.show()
found = tipping.iloc[0]
print(
    f"it tips at {found['level']:.2f} USD/h, with luck between {found['low']:.2f} and {found['high']:.2f} ({found['runs']} runs)"
)
assert found["crossings"] == 1 and not found["rising"]
assert 1.5 < found["level"] < 3.0

# %% [markdown]
# > **At an ask of about two and a half dollars.** Below it the network does more than seven tenths of the work, above it less; the band says how far luck blurs the
# > place.
#
# **What sweeps do not know**: ranges. A study is as good as the question what could be, and what is left out of it moves nothing. Everything here is about the
# model; whether the world agrees is asked by comparing with history.
