"""Which figures the report has, and which series each takes."""

from __future__ import annotations

from simdai.report.panel import Panel
from simdai.report.subnet_panels import SUBNET_PANELS
from simdai.report.training_panels import TRAINING_PANELS

__all__ = ["PANELS"]

VENUES = ("networks", "clouds")
PANELS = (
    Panel(
        "Gaps between closed and open",
        r"(?P<who>gap\..+)",
        "Each gap on axes of its own; the unit stands at the axis.",
        facets=True,
        floor=False,
    ),
    Panel(
        "Quality of the models that labs have out",
        r"(?P<who>[^.]+)\.quality\.index",
        "Index of each lab's best model, refreshes counted; open weights as they come out.",
        floor=False,
        of=("labs", "training"),
    ),
    Panel(
        "Use of models by segment",
        r"(?P<who>[^.]+)\.use_share\.(?P<what>.+)",
        "Share of each segment's possible use that a seller has; what is missing to 1 is bought from nobody.",
        facets=True,
        of=("demand",),
    ),
    Panel(
        "Run-rate of the labs",
        r"(?P<who>[^.]+)\.run_rate_usd",
        "Revenue at the pace of the day, USD a year.",
        of=("labs",),
    ),
    Panel(
        "Compute of the labs",
        r"(?P<who>[^.]+)\.compute\.(?P<what>h100e|serving_h100e)",
        "H100 equivalents at hand, and those that serve customers.",
        facets=True,
        of=("labs",),
    ),
    Panel(
        "Cash of the labs",
        r"(?P<who>[^.]+)\.cash_usd",
        "Cash in hand less bills that are due, of labs without a parent.",
        floor=False,
        of=("labs",),
    ),
    Panel(
        "Researchers of the labs",
        r"(?P<who>[^.]+)\.staff\.researchers",
        "Full-time researchers.",
        of=("labs",),
    ),
    Panel(
        "Price of a GPU-hour by venue",
        r"(?P<who>[^.]+)\.price_usd_per_gpu_hour",
        "What a completed GPU-hour cost, over all hardware a venue sold; clouds are grey and dashed.",
        of=VENUES,
    ),
    Panel(
        "Price of a GPU-hour by customer",
        r"(?P<who>[^.]+)\.price_usd_per_gpu_hour",
        "What each segment paid for a completed GPU-hour, over all venues it bought from.",
        of=("demand",),
    ),
    Panel(
        "Utilisation",
        r"(?P<who>[^.]+)\.utilisation",
        "Share of the GPU time on offer that was sold.",
        of=VENUES,
    ),
    Panel(
        "Market shares",
        r"market\.share\.(?P<who>.+)",
        "Share of all completed work, weighted by the speed of the hardware that did it.",
        of=VENUES,
    ),
    Panel(
        "Waiting time",
        r"(?P<who>[^.]+)\.wait_hours_mean",
        "Mean time from arrival to start, of the jobs that started in each recorded interval.",
        of=VENUES,
    ),
    Panel(
        "Providers and supply",
        r"(?P<who>[^.]+)\.(?:providers\.)?(?P<what>(?!miners|validators|owners|subnets)(?:[^.]+\.){0,2}count|capacity)",
        "Providers of the networks, in all and by group, and GPUs of the clouds.",
        facets=True,
        of=VENUES,
    ),
    Panel(
        "Providers' margins",
        r"(?P<who>[^.]+)\.(?:providers\.)?(?P<what>(?!miners|validators|owners)(?:[^.]+\.){0,2}margin)",
        "Income of providers against their costs: 0 covers the running costs, 1 the hardware too.",
        facets=True,
        floor=False,
    ),
    Panel(
        "Supply",
        r"(?P<who>[^.]+(?:\.[^.]+)?)\.supply_gpu_hours",
        "GPU-hours online, hired or not, in each recorded interval.",
    ),
    Panel(
        "Idle hardware put to work",
        r"(?P<who>[^.]+(?:\.[^.]+)?)\.idle_share",
        "Share of the GPU-hours sold that would otherwise have stood idle: of hardware that was there before "
        "and that the rental market outside would not have hired.",
    ),
    Panel(
        "Concentration by owner",
        r"(?P<who>[^.]+(?:\.[^.]+)?)\.providers\.hhi",
        "Herfindahl-Hirschman index of what owners sold; 10,000 is a monopoly.",
    ),
    Panel(
        "Concentration by jurisdiction",
        r"(?P<who>[^.]+(?:\.[^.]+)?)\.providers\.hhi_jurisdictions",
        "Herfindahl-Hirschman index of sales by the place of the providers; 10,000 is a monopoly.",
    ),
    Panel(
        "Owners with half of the sales",
        r"(?P<who>[^.]+(?:\.[^.]+)?)\.providers\.nakamoto",
        "Least number of owners that together sold more than half.",
    ),
    Panel(
        "Devices let outside",
        r"(?P<who>[^.]+(?:\.[^.]+)?)\.providers\.outside",
        "Devices of the network's providers that work on the rental market outside for the time being.",
    ),
    Panel(
        "Token price",
        r"(?P<who>[^.]+)\.token\.price_usd",
        "Market price of each network's token.",
    ),
    Panel(
        "Tokens created and destroyed",
        r"(?P<who>[^.]+)\.token\.(?P<what>burned|issued|emitted|minted|net_issuance)",
        "Tokens issued, burned and the difference since the start; supply falls while the difference does.",
        facets=True,
    ),
    Panel(
        "Depth of the token's market",
        r"(?P<who>[^.]+)\.token\.depth_usd",
        "USD of purchases that raise the price by 2 %.",
    ),
    Panel(
        "Cost of an attack",
        r"(?P<who>[^.]+)\.cost_to_attack_usd",
        "USD for half of the stake while all that is staked stays; the purchase moves the price. For Bitcoin "
        "of machines with as much hash rate as there is.",
    ),
    Panel(
        "Hash rate",
        r"(?P<who>[^.]+)\.hash_rate_eh_s",
        "10^18 hashes a second that work on the chain.",
        of=("networks",),
    ),
    Panel(
        "Difficulty",
        r"(?P<who>[^.]+)\.difficulty",
        "How much harder a block is than at the easiest target; it follows the hash rate a period late.",
        of=("networks",),
    ),
    Panel(
        "Time between blocks",
        r"(?P<who>[^.]+)\.block_spacing_s",
        "Mean seconds from block to block, in each recorded interval.",
    ),
    Panel(
        "What a hash earns",
        r"(?P<who>[^.]+)\.hash_price_usd_per_ph_day",
        "USD a day of 10^15 hashes a second, subsidy and fees, at the difficulty in force.",
    ),
    Panel(
        "Miners at work",
        r"(?P<who>[^.]+)\.miners\.(?P<what>count|off)",
        "Sites of a chain at work, and those that are switched off but have not left; UIDs of subnets.",
        facets=True,
    ),
    Panel(
        "Miners' margins",
        r"(?P<who>[^.]+)\.miners\.margin",
        "Of a chain: share of revenue left after running cost; of subnets: income over spending, less 1.",
        floor=False,
    ),
    Panel(
        "Fees in miners' income",
        r"(?P<who>[^.]+)\.fee_share",
        "Fees over fees and subsidies, in each recorded interval.",
    ),
    Panel(
        "Security budget",
        r"(?P<who>[^.]+)\.security_budget_usd_per_day",
        "USD a day that the chain pays its miners at the intended spacing.",
    ),
    Panel(
        "Compute spent on checking",
        r"(?P<who>[^.]+)\.verification\.overhead",
        "Share of all compute that is not the work itself but proofs, checks and copies of it.",
    ),
    Panel(
        "False work that was accepted",
        r"(?P<who>[^.]+)\.fraud\.undetected_share",
        "Share of accepted tasks that were cheated on and not seen, under each way of checking.",
    ),
    Panel(
        "What fraud pays",
        r"(?P<who>[^.]+)\.fraud\.profit_per_cheat_usd",
        "USD that a cheat saved, less what it lost where it was seen, in each recorded interval.",
        floor=False,
    ),
    Panel(
        "The pool's share of blocks",
        r"(?P<who>[^.]+)\.selfish_mining\.(?P<what>revenue_share|expected_share|hash_share)",
        "Blocks of a pool that withholds, beside its hash rate and the long-run share of theory.",
        facets=True,
    ),
    Panel(
        "Tokens created for participants",
        r"(?P<who>[^.]+)\.subsidy_share",
        "Worth of new tokens given to providers, stakers and other recipients, over it and revenue together.",
        of=("networks",),
    ),
    Panel(
        "What still runs without company or foundation",
        r"(?P<who>[^.]+)\.foundation_exit\.served_share",
        "Service over the last weeks, relative to that before whoever stands behind a network stopped.",
        of=("networks",),
    ),
    Panel(
        "Rebates from outside",
        r"(?P<who>[^.]+)\.rebate_usd",
        "What was paid from outside to make a seller cheaper, since the start.",
    ),
    Panel(
        "Revenue",
        r"(?P<who>[^.]+)\.revenue_usd",
        "What customers paid each venue in each recorded interval.",
    ),
    Panel(
        "Quality of services",
        r"(?P<who>[^.]+)\.quality\.(?P<what>.+)",
        "Mean quality of the answers that customers got, by domain.",
        facets=True,
        floor=False,
        of=("networks",),
    ),
    Panel(
        "Losses on payment channels",
        r"(?P<who>[^.]+)\.channels\.(?P<what>provider_loss|client_loss)_usd",
        "What providers served and forgot to claim in time, and what clients paid without an answer.",
        facets=True,
    ),
    Panel(
        "Worth of protected data",
        r"(?P<who>[^.]+)\.protected\.value_(?P<what>with|without)_usd",
        "What visitors get out of data that are not sold: with jobs beside them, and by substitutes alone.",
        facets=True,
    ),
    Panel(
        "What leaks from protected data",
        r"(?P<who>[^.]+)\.leak\.(?P<what>.+)",
        "Means over the protected assets: share that outputs could carry away, bound on telling members from "
        "others, chance that an operator has read along.",
        facets=True,
    ),
    Panel(
        "Accuracy of prediction feeds",
        r"(?P<who>[^.]+)\.feeds\.accuracy",
        "Share of slots whose stake-weighted prediction was right, averaged; guessing has a half.",
        floor=False,
    ),
    Panel(
        "Tokens converted in a merger",
        r"(?P<who>[^.]+)\.merger\.converted_share",
        "Share of the tokens covered that were converted into the merged one.",
    ),
    Panel(
        "Demand",
        r"(?P<who>[^.]+)\.jobs_per_day",
        "Jobs that arrived in each segment, including those that chose no venue.",
    ),
    Panel(
        "Who gets the GRT that is created",
        r"(?P<who>[^.]+)\.emission\.(?P<what>indexers|delegators|agreements|treasury|nobody)",
        "Rewards and agreements in each recorded interval; what nobody may have is not minted.",
        facets=True,
    ),
    Panel(
        "Who gets query fees",
        r"(?P<who>[^.]+)\.fees\.(?P<what>burned|curators|delegators|indexers)",
        "GRT that indexers collected in each recorded interval, by receiver.",
        facets=True,
    ),
    Panel(
        "Yield of delegation and of signal",
        r"(?P<who>[^.]+)\.(?P<what>(?:delegators|curators))\.yield",
        "What a year of it earns at the present rate: rewards that indexers give on, query fees of curators.",
        facets=True,
    ),
    Panel(
        "Indexers' margins",
        r"(?P<who>[^.]+)\.indexers\.margin",
        "Income of indexers against their costs: 0 covers running costs, 1 the return asked of stake too.",
        floor=False,
    ),
    Panel(
        "Indexers with half of the stake",
        r"(?P<who>[^.]+)\.indexers\.nakamoto",
        "Least number of indexers that together have more than half of own and delegated stake.",
    ),
    Panel(
        "Queries answered rightly",
        r"(?P<who>[^.]+)\.service\.success_share",
        "Share of customers' queries in each recorded interval that got a right answer.",
        floor=False,
    ),
    Panel(
        "Queries",
        r"(?P<who>[^.]+)\.queries_per_day",
        "Queries that customers send to the network.",
        of=("demand",),
    ),
    *SUBNET_PANELS,
    *TRAINING_PANELS,
)
