"""What to say of an experiment that has no result."""

from __future__ import annotations

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause
from heldout.diagnosis.run_data import SWITCHED_OFF
from heldout.records import Finding

NOT_RUN = (SWITCHED_OFF, "switched off", "failed", "interrupted", "not enough", "too few", "memory", "not run")
"""Words of reasons that lie in this run of the diagnosis; any other lies in the network or the data."""


def without(cause: Cause, case: Case, experiment: str) -> Finding:
    """`not applicable` where the experiment has no meaning here, `not identifiable` where it was merely not run."""
    if experiment in case.evidence.scored:
        return cause.not_identifiable(f"the experiment '{experiment}' on the validation images")
    reason = case.evidence.why_absent(experiment)
    if any(word in reason for word in NOT_RUN):
        return cause.not_identifiable(f"the experiment '{experiment}' ({reason})")
    return cause.not_applicable(reason)
