"""Verbs about this machine: doctor, bench."""

from __future__ import annotations

import click

from simdai.cli.command import AS_JSON, app, emit


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Say what this installation is and what it can use."""
    from simdai import doctor as checks

    found = checks.report()
    if as_json:
        emit(found)
    else:
        click.echo(checks.text(found))


@app.command()
@click.argument("workload", type=click.Choice(["w1", "w2", "w4"]), default="w2")
@click.option(
    "--providers", type=click.IntRange(min=1), help="Providers (w2), customers (w1) or epochs (w4)."
)
@click.option("--days", "horizon", type=click.FloatRange(min=0, min_open=True), help="Horizon of w2.")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Fresh interpreters."
)
@click.option(
    "--against", type=click.Choice(["simpy", "numpy"]), help="Let plain SimPy (w4: NumPy) do the same work."
)
@AS_JSON
def bench(
    workload: str,
    providers: int | None,
    horizon: float | None,
    repeats: int,
    against: str | None,
    as_json: bool,
) -> None:
    """Measure the speed of the kernel that scenarios use."""
    from simdai import bench as benchmark

    measured = benchmark.run(workload, providers, horizon, repeats, against)
    if as_json:
        emit(measured)
    else:
        click.echo(benchmark.text(measured))
