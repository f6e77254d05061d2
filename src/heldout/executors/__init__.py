"""Where a study is computed: on this machine, on a Ray cluster, by a scheduler of jobs; one of them a file."""

from heldout.executors._shelf import executors
from heldout.executors.backend import Backend, Resources
from heldout.executors.opened import opened

__all__ = ["Backend", "Resources", "executors", "opened"]
