# %% [markdown]
# # Eight token economies, side by side
#
# A token network pays those who work for it in a token of its own. The token comes from two places: from customers, who buy it to pay, and from the
# network itself, which creates new ones. This notebook lays eight networks next to one another and asks who pays whom.
#
# Render, Akash and io.net rent out graphics cards. Bittensor pays for models, SingularityNET for services of models. Ocean sells data,
# The Graph answers queries of chains' records. Bitcoin, the baseline, keeps a ledger and nothing else.

# %%
import os

import matplotlib.pyplot as plt
import pandas as pd
from ipywidgets import FloatSlider, interact

import simdai

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, coarser, fewer replications
DAYS = 29 if FAST else 180
COARSER = {"ocean": ["ocean_coarse"], "the_graph": ["the_graph_coarse"]} if FAST else {}
SCENARIOS = {
    "render": "networks/render", "akash": "networks/akash", "ionet": "networks/ionet",
    "bittensor": "networks/bittensor", "singularitynet": "singularitynet", "ocean": "ocean",
    "the_graph": "the_graph", "bitcoin": "networks/bitcoin",
}  # fmt: skip

# %% [markdown]
# ## Who pays?
# Each network runs by its own rules from its own scenario. Two sums are kept for each: its *revenue* (what customers paid) and its *subsidy* (new
# tokens that it handed out, at the price of the day).

# %%
runs, rows = {}, []
for name, scenario in SCENARIOS.items():
    days = max(DAYS, 84) if name == "bittensor" else DAYS  # its coarse setting steps by weeks
    loaded = simdai.load(scenario, overrides=COARSER.get(name, ()))
    run = runs[name] = simdai.Simulation(loaded, seed=1).run(until=days)
    token = {
        key: run.outcomes[f"{name}.token.{key}"] for key in ("supply", "net_issuance", "issued", "burned")
    }
    begin = float(run.series[f"{name}.token.supply"][0])
    rows.append(
        {
            "network": name,
            "revenue_usd": run.outcomes[f"{name}.revenue_usd"],
            "subsidy_usd": run.outcomes[f"{name}.subsidy_usd"],
            "market_cap_usd": run.outcomes[f"{name}.token.market_cap_usd"],
            "growth": (float(token["supply"]) / begin) ** (365.25 / days) - 1.0,
            **token,
        }
    )
table = pd.DataFrame(rows).set_index("network")
table["subsidy_share"] = table["subsidy_usd"] / (table["subsidy_usd"] + table["revenue_usd"])
table = table.sort_values("subsidy_share")
table[["revenue_usd", "subsidy_usd", "subsidy_share", "market_cap_usd"]].style.format(
    {"subsidy_share": "{:.0%}", **dict.fromkeys(("revenue_usd", "subsidy_usd", "market_cap_usd"), "{:,.0f}")}
)

# %%
fig, ax = plt.subplots(figsize=(7, 3.2))
ax.barh(table.index, 1 - table["subsidy_share"], color="tab:green", label="customers")
ax.barh(table.index, table["subsidy_share"], left=1 - table["subsidy_share"], color="0.8", label="new tokens")
ax.set_xlabel("share of what those who work for the network are paid")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
on_subsidy = table.index[table["subsidy_share"] > 0.5]
print(f"mostly paid in new tokens: {', '.join(on_subsidy)}")
assert "ionet" not in on_subsidy and len(on_subsidy) >= 5
assert table.loc["bitcoin", "subsidy_share"] > 0.95

# %% [markdown]
# > **Mostly the holders, through new tokens.** In most of the eight more than half of what workers are paid was created for them; io.net, which sells
# > many cheap hours, is the exception. Bitcoin lives on it almost wholly, and it does so on purpose: it announced the schedule in 2009.
#
# New tokens are not money from nowhere. Who holds the token pays: each new one makes the old ones a smaller part of the whole.

# %% [markdown]
# ## How much of the whole is a holder left with?
# What is created and what is burned, as yearly growth of the supply. A holder of one hundredth keeps $1 / (1 + g)^n$ of it after $n$ years.

# %%
growth = table["growth"]  # a year
fig, ax = plt.subplots(figsize=(7, 3))
order = growth.sort_values().index
ax.barh(order, growth[order], color=["tab:red" if growth[name] > 0 else "tab:green" for name in order])
ax.axvline(0, color="0.4", lw=0.8)
ax.set_xlabel("growth of the supply, a year")
ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
plt.show()
print((growth * 100).round(1).to_dict())
assert 0 < growth["bitcoin"] < 0.02
assert growth["ocean"] <= 0
assert sum(growth > 0.05) >= 2


@interact(growth=FloatSlider(min=-0.05, max=0.6, step=0.01, value=0.1, readout_format=".0%"))
def show_kept(growth):
    kept = [f"{1 / (1 + growth) ** n:.0%}" for n in (1, 3, 5)]
    print(f"of a holder's part is left after 1, 3 and 5 years: {', '.join(kept)}")


# %% [markdown]
# > **Most of it, for a while.** Bitcoin's supply grows by less than two percent a year; some of the others grow by a tenth or so, while Ocean burns a little
# > more than it creates. A tenth more a year leaves six tenths of a holder's part after five years.

# %% [markdown]
# ## Did the price follow?
# Prices come from buying and selling alone: customers who need tokens, workers who sell what they are paid, and traders who push the price to and fro. The
# last are luck, and the luck differs between networks and seeds.

# %%
fig, ax = plt.subplots(figsize=(7, 3.4))
for name in SCENARIOS:
    price = runs[name].series[f"{name}.token.price_usd"]
    ax.plot(runs[name].times, price / price[0], label=name, lw=2.5 if name == "bitcoin" else 1.2)
ax.axhline(1, color="0.7", lw=0.8)
ax.set(xlabel="day", ylabel="price, 1 at the start")
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
ends = {
    name: run.series[f"{name}.token.price_usd"][-1] / run.series[f"{name}.token.price_usd"][0]
    for name, run in runs.items()
}
print({name: f"{end:.2f}" for name, end in ends.items()})
assert max(ends.values()) > 1.1 * min(ends.values())

# %% [markdown]
# > **One run says little.** Each price went its own way, for half a year of luck outweighs what the rules do to it; that is why every comparison
# > in simdai is made over many runs with the same luck.

# %% [markdown]
# ## What if the subsidy stopped?
# The smallest scenario, with an invented network, once with and once without new tokens.

# %%
base = simdai.load("examples/minimal")
pair = simdai.compare(
    base, base.with_changes({"networks.gridnet.emit.per_day": 1.0}), replications=3 if FAST else 10
)
change = pair.differences.set_index("outcome")
names = {"gridnet.token.price_usd": "token price [USD]", "gridnet.providers.margin": "providers' margin"}
fig, axes = plt.subplots(1, 2, figsize=(7, 2.6))
for ax, (name, title) in zip(axes, names.items(), strict=True):
    ax.bar(
        ["5,000 tokens a day", "none"], change.loc[name, ["a", "b"]].astype(float), color=["0.8", "tab:green"]
    )
    ax.axhline(0, color="0.4", lw=0.8)
    ax.set_title(title, loc="left")
plt.tight_layout()
plt.show()
assert change.loc["gridnet.providers.margin", "high"] < 0 < change.loc["gridnet.token.price_usd", "low"]

# %% [markdown]
# > **Holders gain and workers lose.** Without new tokens nothing dilutes the price, and it rises; providers lose their pay, and would leave in time. What
# > a subsidy buys is supply before there is demand, which is worth its price only if the demand comes.
#
# **What this model does not know**: why people hold a token beyond paying and speculating, and what traders will believe next. The swings of
# prices are set to sizes seen in the past. Revenues are those that protocols publish where they do, and estimates where they do not.
