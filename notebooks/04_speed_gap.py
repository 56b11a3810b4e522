# %% [markdown]
# # The gap in speed
#
# A lab's head can decide in a week. Holders of a token first talk, then poll, then vote, then wait. Machines in one hall exchange
# numbers at terabits a second; volunteers' machines do so over the internet. This notebook asks how many days each of these costs, and
# which of them matters.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatLogSlider, FloatSlider, interact

import simdai
from simdai.mechanisms.governance import cycle_days, expected_delay, quorum_probability
from simdai.mechanisms.low_communication import (
    compression_factor,
    payload_bits,
    star_sync_time_s,
    step_time_s,
    utilisation_blocking,
)

FAST = "SIMDAI_FAST" in os.environ  # set by the tests: shorter, fewer replications
DAYS = 200 if FAST else 730
REPLICATIONS = 1 if FAST else 3

# %% [markdown]
# ## Where do the days between two models go?
# *Decision* is the time from an idea to a yes; *lead time* from the idea to the finished model; the *release interval* from one
# model to the next. Medians over everything that ended in the run.

# %%
results = simdai.run("labs_and_volunteers", seed=1, replications=REPLICATIONS, until=DAYS)
outcomes = results.outcomes.set_index("outcome")["mean"]
measures = {"decision": "decision", "lead time": "lead_time", "release interval": "release_interval"}
days = {
    side: [outcomes[f"gap.speed.{measure}_days_{side}"] for measure in measures.values()]
    for side in ("closed", "open")
}

fig, ax = plt.subplots(figsize=(7, 2.6))
places = np.arange(len(measures))
ax.barh(places - 0.2, days["closed"], 0.38, label="labs")
ax.barh(places + 0.2, days["open"], 0.38, label="volunteers")
ax.set_yticks(places, list(measures))
ax.invert_yaxis()
ax.set_xlabel("days (median)")
ax.legend(frameon=False, loc="upper right")
plt.show()

decision, lead = (outcomes[f"gap.speed.{name}_ratio"] for name in ("decision", "lead_time"))
print(
    f"deciding takes volunteers {decision:.1f} times as long, a model from idea to release {lead:.2f} times"
)
assert decision > 3
assert 0.6 < lead < 1.6

# %% [markdown]
# > **Deciding takes volunteers more than three times as long; a whole model takes both sides about as long.** A vote costs weeks
# > where a lab needs days, but training itself lasts months on both sides. (Volunteers make a far smaller model in that time:
# > that is the gap in scale.)

# %% [markdown]
# ## How long does a token vote take?
# A usual path: a week in the forum, five days of a poll that binds nobody, a delay, a vote on the chain, and two days in which everybody may
# still leave. If too few vote (the *quorum*) or the vote fails, it begins again; with a chance $p$ of passing the whole
# takes $1/p$ cycles on average.

# %%
cycle = cycle_days(7, 5, 13_140, 40_320, 172_800, 12)  # Uniswap, May 2026
print(f"one cycle takes {cycle:.1f} days")


@interact(
    turnout=FloatSlider(min=0.02, max=0.6, step=0.02, value=0.1, description="usual turnout"),
    quorum=FloatSlider(min=0.01, max=0.3, step=0.01, value=0.04, description="quorum"),
    support=FloatSlider(min=0.1, max=1, step=0.05, value=0.8, description="chance of a yes"),
)
def show_wait(turnout, quorum, support):
    reached = quorum_probability(quorum, turnout, 10.0)
    print(
        f"quorum reached in {reached:.0%} of votes; {expected_delay(cycle, reached * support):.0f} days to a decision"
    )


# %%
turnouts = np.linspace(0.02, 0.3, 57)
fig, ax = plt.subplots(figsize=(7, 3))
for quorum in (0.02, 0.04, 0.10):
    waits = [expected_delay(cycle, quorum_probability(quorum, turnout, 10.0) * 0.8) for turnout in turnouts]
    ax.semilogy(turnouts, waits, label=f"quorum {quorum:.0%} of all tokens")
ax.axhline(5, color="0.7", ls="--")
ax.annotate("a lab", (0.27, 5), xytext=(0, 4), textcoords="offset points", color="0.4")
ax.set(xlabel="usual turnout", ylabel="days to a decision", ylim=(3, 1000))
ax.legend(frameon=False)
plt.show()
assert 20 < cycle < 23
assert expected_delay(cycle, quorum_probability(0.1, 0.05, 10.0) * 0.8) > 3 * cycle

# %% [markdown]
# > **Three weeks if all goes well, months if few vote.** The path itself is 21 days; where the quorum is above the usual turnout, most votes
# > fail for want of voters and the same question is asked again and again.

# %% [markdown]
# ## What would a head who decides do for the volunteers?
# The same run of volunteers, once governed by token votes and once by somebody who decides as quickly as a lab.

# %%
base = simdai.load("training/commons_run")
headed = base.with_changes(
    {"training.commons_run.governance": {"kind": "executive", "median": "5 d", "log_sigma": 0.8}}
)
pair = simdai.compare(base, headed, replications=REPLICATIONS, until=90 if FAST else DAYS)
change = pair.differences.set_index("outcome")
rows = ["governance_wait_days", "lead_days", "release_interval_days", "index"]
change.loc[[f"commons_run.{row}" for row in rows], ["unit", "a", "b", "difference", "low", "high"]]

# %%
labels = {"governance_wait_days": "deciding", "release_interval_days": "from model to model"}
fig, ax = plt.subplots(figsize=(7, 2.2))
for place, row in enumerate(labels):
    one = change.loc[f"commons_run.{row}"]
    ax.plot([one["a"], one["b"]], [place, place], color="0.7", zorder=0)
    ax.plot(one["a"], place, "o", color="tab:orange", label="token vote" if place == 0 else None)
    ax.plot(one["b"], place, "o", color="tab:blue", label="a head" if place == 0 else None)
ax.set_yticks(range(len(labels)), labels.values())
ax.set(xlabel="days", ylim=(-0.5, 1.5), xlim=(0, None))
ax.legend(frameon=False, loc="center")
plt.show()
saved = -change.loc["commons_run.governance_wait_days", "difference"]
points = change.loc["commons_run.index", "difference"]
print(f"{saved:.0f} days saved a model; the last model {points:+.1f} points")
assert saved > 10
assert abs(points) < 5

# %% [markdown]
# > **Weeks a model, and little quality.** The decision comes some three weeks sooner, so models follow one another faster, yet the
# > newest is hardly better (within five points, where the frontier moves some ten a year): what limits it is compute.

# %% [markdown]
# ## Do slow links hold training back?
# Machines work alone for some steps, then exchange what they changed (*DiLoCo*). They wait while they exchange, so the more
# steps between exchanges and the smaller the message, the less they wait. The numbers are those of Covenant-72B (March
# 2026): 72 billion parameters, machines of eight B200, links of about half a gigabit a second, messages compressed 146 times.

# %%
PARAMS = 72e9
step = step_time_s(PARAMS, tokens=393_216, peak_flops=1.8e16, mfu=0.24)
kappa = compression_factor(bits_sent=2, density=64 / 4096, index_bits=12)


def busy_share(link: float, steps: float, kappa: float) -> float:
    """Share of the time that machines compute, at a link in bit/s and ``steps`` between exchanges."""
    return utilisation_blocking(steps * step, star_sync_time_s(payload_bits(PARAMS, kappa), link, link))


@interact(
    megabits=FloatLogSlider(min=1, max=5, value=460, description="Mbit/s"),
    steps=FloatLogSlider(min=0, max=3, value=30, description="steps"),
)
def show_busy(megabits, steps):
    print(
        f"computing {busy_share(megabits * 1e6, steps, kappa):.0%} of the time (compressed {kappa:.0f} times)"
    )


# %%
links = np.logspace(7, 12, 60)
fig, ax = plt.subplots(figsize=(7, 3.2))
for label, steps, kind in (
    ("exchange after each step, whole", 1, 1.0),
    ("after 30 steps, whole", 30, 1.0),
    ("after 30 steps, compressed 146 times", 30, kappa),
):
    ax.semilogx(links / 1e6, [busy_share(link, steps, kind) for link in links], label=label)
ax.axvline(460, color="0.7", ls="--")
ax.annotate("Covenant-72B", (460, 0.02), xytext=(4, 0), textcoords="offset points", color="0.4")
ax.set(xlabel="link [Mbit/s]", ylabel="share of time computing", ylim=(0, 1))
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
assert busy_share(4.6e8, 1, 1.0) < 0.01
assert busy_share(4.6e8, 30, kappa) > 0.9

# %% [markdown]
# > **Not any more.** Exchanging everything after each step, such machines would compute less than a hundredth of the time; exchanging
# > seldom and compressed, they compute more than nine tenths of it. The price is paid in quality, not in time: see the gap in scale.

# %% [markdown]
# ## So would links ten times as fast help at all?

# %%
links_10 = {
    f"training.commons_run.nodes.{kind}.{way}": 10 * getattr(node, way)
    for kind, node in base.training["commons_run"].nodes.items()
    for way in ("up", "down")
}
faster = simdai.compare(
    base, base.with_changes(links_10), replications=REPLICATIONS, until=90 if FAST else DAYS
)
change = faster.differences.set_index("outcome")
fig, axes = plt.subplots(1, 3, figsize=(9, 2.6))
for ax, (row, label) in zip(
    axes,
    {
        "round_minutes": "minutes a round",
        "utilisation": "share of time computing",
        "index": "index of the model",
    }.items(),
    strict=True,
):
    one = change.loc[f"commons_run.{row}"]
    ax.bar(["links as they are", "ten times"], [one["a"], one["b"]], color=["0.7", "tab:blue"])
    ax.set_title(label, loc="left")
plt.tight_layout()
plt.show()
points = change.loc["commons_run.index", "difference"]
print(
    f"rounds {change.loc['commons_run.round_minutes', 'difference']:+.1f} minutes, the model {points:+.1f} points"
)
assert change.loc["commons_run.round_minutes", "difference"] < 0
assert abs(points) < 6

# %% [markdown]
# > **A few points.** With faster links machines exchange more often, which keeps their copies closer together; the model gains a few points, as
# > much as the frontier moves in some months.
#
# **What this model does not know**: how good decisions are. A lab's head may be quick and wrong, a vote slow and wise; here both decide about
# the same plans. How long labs take to decide is an assumption (five days); nobody publishes it.
