"""What is said of runs under stress, by terminal and report alike."""

from __future__ import annotations

from heldout.answer.texts import count, listing, number, percent
from heldout.records.stress import StressedRun, StressPoint, StressReport

CANNOT = (
    "A new site can differ in ways that no change of images holds: other patients, other stages of disease, other "
    "habits of labelling, devices that draw what none of these changes do."
)
"""What a forecast cannot know; told wherever one is."""

AGREED = (
    "On real pairs of sites the forecast missed by far what another laboratory cost, and the ranking was no better "
    "than that of plain validation (docs/stress.md). Take both as a trial that a run can fail, not as what will happen."
)
"""What came of it where the truth was known (benchmarks/stress_forecast.py); told wherever a forecast is."""


FEW_CHANGES = 3
"""As many changes are named; of more it is told how many."""

STANDING = {"best": "highest", "as good": "not told from it", "worse": "lower", None: "–"}
"""How a run stands against the one that is highest at the drawn sites."""


def change_told(report: StressReport, point: StressPoint) -> str:
    """`blurrier`, or of what is not made in images `shares of the classes: more NORMAL`."""
    titles = {one.name: one.title for one in report.stresses}
    return f"{titles[point.stress]}: {point.words}"


def leading(report: StressReport, names: dict[str, str]) -> str:
    """Which run stands highest where images differ, and how sure that is.

    Args:
        report: What was found.
        names: Id of a run -> what it is called.
    """
    best = report.runs[0]
    if len(report.runs) == 1 and best.expected is None:
        return f"{names[best.id]} alone was asked; no sites were drawn."
    if best.expected is None or best.first is None:
        return f"{names[best.id]} scores highest on the images as they are; no sites were drawn."
    if len(report.runs) == 1:
        return f"{names[best.id]}: {percent(best.expected.value)} expected at the drawn sites."
    equal = [run for run in report.runs if run.standing == "as good"]
    rest = (
        f"; {count(len(equal), 'other cannot', 'others cannot')} be told from it"
        if equal
        else "; every other lies behind it, whatever their number"
    )
    return (
        f"Highest at the drawn sites: {names[best.id]}, {percent(best.expected.value)}, in "
        f"{round(100 * best.first)} of 100 redrawn sets of patients and sites{rest}."
    )


def forecast_told(report: StressReport, run: StressedRun) -> str:
    """The forecast with what it stands on."""
    if run.forecast_points is None:
        return ""
    found = run.forecast_points
    each = ", ".join(f"{pair} {number(points.value)}" for pair, points in run.like.items())
    made = [one.title for one in report.stresses if one.measured and not one.absent]
    what = listing(made) if len(made) <= FEW_CHANGES else f"{len(made)} properties"
    return (
        f"Validation images changed in {what} as the sites of {count(len(run.like), 'pair')} differ cost "
        f"{number(found.value)} points in the mean of {count(report.sites, 'drawn site')}, 95 % of such draws "
        f"{number(found.low)} to {number(found.high)} (as the two sites of each pair differ: {each})."
    )
