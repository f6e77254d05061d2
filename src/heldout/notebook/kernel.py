"""Whether a notebook talks to this process, and what tells progress there."""

from __future__ import annotations

import sys

from heldout.progress import Reporter, Silent


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook; False in scripts, in terminals, and in IPython in a terminal.

    IPython is asked only where it is there already: nothing is imported.
    """
    asked = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return asked is not None and getattr(asked(), "kernel", None) is not None


def usual_reporter() -> Reporter:
    """The reporter where none was given: bars in a notebook, silence elsewhere."""
    if not in_notebook():
        return Silent()
    from heldout.notebook.bars import Bars  # templates that a script need not wait for

    return Bars()
