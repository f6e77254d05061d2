"""How often a verdict is asked of samples that grow, and what that costs.

Interventions are made on some images first, and on twice as many while the verdict wants more. Who looks again until
something is told tells more often what is none (Armitage, McPherson & Rowe 1969; benchmarks/looks.py). So every look
has the level divided by the number of looks there may be (Bonferroni), the first as the last: what was seen cannot
decide how strict the rule is.
"""

from __future__ import annotations


def more(images: int) -> int:
    """The size of the next sample."""
    return 2 * images


def looks(first: int, images: int) -> int:
    """The greatest number of looks: at the first sample, and at each larger one until there are no more images.

    Args:
        first: Images of the first sample, at least 1.
        images: Images there are.

    >>> [looks(400, images) for images in (100, 400, 401, 3200)]
    [1, 1, 2, 4]
    """
    count, reached = 1, first
    while reached < images:
        count, reached = count + 1, more(reached)
    return count
