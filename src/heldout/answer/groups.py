"""Groups of a diagnosis as terminal and report tell them: in which order, and in which words."""

from __future__ import annotations

from heldout.records import Diagnosis, Estimate, Subgroup

WHO = "Who loses most, by further columns of the images"
NO_GROUPS = "No groups are formed of"


def by_loss(diagnosis: Diagnosis) -> tuple[Subgroup, ...]:
    """The groups, those that lose most against all others first; then those too small to be compared."""
    return tuple(sorted(diagnosis.groups, key=_place))


def stands_out(group: Subgroup) -> bool:
    """Whether it loses surely more than all other images, whatever the number of groups."""
    return group.difference_points is not None and group.difference_points.low > 0


def told_in_short(diagnosis: Diagnosis, most: int) -> tuple[Subgroup, ...]:
    """Groups for a short table: common parts of two groups only where they stand out."""
    compared = [group for group in by_loss(diagnosis) if group.difference_points is not None]
    return tuple(group for group in compared if len(group.columns) == 1 or stands_out(group))[:most]


def why_not_compared(group: Subgroup) -> str:
    """Why a group has no comparison; empty where it has one."""
    if group.difference_points is not None:
        return ""
    if not group.val_images or not group.test_images:
        return f"only in {'test' if group.test_images else 'validation'}"
    return "too few images or patients"


def columns_left_out(diagnosis: Diagnosis) -> str:
    """Columns without groups, with the reason; empty where there are none."""
    named = "; ".join(f"{column} ({why})" for column, why in diagnosis.columns_left_out.items())
    return f"{NO_GROUPS} {named}." if named else ""


def _place(group: Subgroup) -> tuple[bool, float]:
    difference: Estimate | None = group.difference_points
    return difference is None, 0.0 if difference is None else -difference.value
