"""Who stained the slides, which no record holds."""

from heldout.paper.statement import Statement, Topic


def state(material):
    """How many images are stained, and what nobody wrote down."""
    images = len(material.cohort)
    return [Statement("stains.used", f"{images} images were stained.", gap="who stained them", cites=("wilson1927",))]


TOPIC = Topic("stains", "Stains", 150, state)
