"""Figures of people who do research, of training in the open and on protected data."""

from __future__ import annotations

from simdai.report.panel import Panel

__all__ = ["TRAINING_PANELS"]

TRAINING_PANELS = (
    Panel(
        "Researchers by employer",
        r"[^.]+\.(?P<who>[^.]+)\.researchers",
        "Full-time equivalents; who works in the open counts with the share of time given to it.",
        of=("labs", "training", "networks"),
    ),
    Panel(
        "Pay of researchers",
        r"[^.]+\.(?P<who>[^.]+)\.pay_usd",
        "USD a year, cash and expected equity; in the open, tokens at the price of their day.",
        of=("labs", "training", "networks"),
    ),
    Panel(
        "Open posts",
        r"[^.]+\.(?P<who>[^.]+)\.open_posts",
        "Posts that labs seek to fill; pay rises where they stay vacant.",
        of=("labs",),
    ),
    Panel(
        "Talent of labs over that of open projects",
        r"(?P<who>[^.]+)\.effective_labour_ratio",
        "Ability times time, over all who work for labs, over the same for open projects.",
    ),
    Panel(
        "The ablest tenth",
        r"(?P<who>[^.]+)\.top_decile_share",
        "Share of the ablest tenth of both sides that works for labs.",
        floor=False,
    ),
    Panel(
        "Drain of the open side",
        r"(?P<who>[^.]+)\.net_flow_rate",
        "People who went from open projects to labs within a year, less those who went back, over all who "
        "work in the open.",
        floor=False,
    ),
    Panel(
        "Nodes of open runs",
        r"(?P<who>[^.]+)\.nodes\.count",
        "Volunteer nodes that belong to each run; they come while the pay exceeds their cost.",
        of=("training",),
    ),
    Panel(
        "Pay of nodes over their cost",
        r"(?P<who>[^.]+)\.reward_ratio",
        "What nodes are paid over what they cost, as they remember it; at 1 as many come as go.",
        of=("training",),
    ),
    Panel(
        "Models trained in the open",
        r"(?P<who>[^.]+)\.index",
        "Capability index of the best model that each open run has brought out.",
        floor=False,
        of=("training",),
    ),
    Panel(
        "Compute of open runs",
        r"(?P<who>[^.]+)\.flop",
        "Training compute of all rounds since the start; it stands still while a community decides.",
        of=("training",),
    ),
    Panel(
        "What capture takes",
        r"(?P<who>[^.]+)\.governance_capture\.diverted_usd",
        "Budget of open runs that went to somebody who had captured their governance.",
    ),
    Panel(
        "Models for a domain",
        r"(?P<who>[^.]+)\.gain",
        "Index points of the last model over the general one that it refines, by the way it got at data.",
        of=("training",),
    ),
    Panel(
        "Protected data reached",
        r"(?P<who>[^.]+)\.data_share",
        "Share of the owners' data that the last model learnt from.",
        of=("training",),
    ),
    Panel(
        "Harm by leaks",
        r"(?P<who>[^.]+)\.harm_usd",
        "What leaks cost the owners of data, since the start.",
        of=("training",),
    ),
)
