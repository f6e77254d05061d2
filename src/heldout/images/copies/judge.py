"""How alike two images are once one is laid over the other, and from where on they are copies.

Details are correlated block by block. The median over the blocks is high only where the same things stand everywhere,
while two cells, or two chests, agree in their outline and differ inside.

How alike different pictures can be is measured on the images themselves: the agreement of images with their candidates.
Its transform by Fisher's z is taken as normal, with the median and the median absolute deviation of what lies below
`CEILING`, so that copies among the candidates do not move them. Where all images share an outline, the candidates may
all lie above that: so the same is asked of pairs drawn at random, and the higher threshold counts.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from heldout.images.copies.register import Laid
from heldout.images.copies.small import Floats

BLOCKS = 8
"""Blocks a side."""

COVERED = 0.3
"""Share of a block's pixels that both images must show."""

DETAIL = 0.3
"""Grey levels (standard deviation) of details, below which a block shows nothing."""

FEWEST_BLOCKS = 14
"""Of 64; where fewer can be compared, nothing can be told."""

DOUBT = 2.0
"""Taken off, on Fisher's scale, per 1/√blocks beyond that of all: few blocks agree more easily."""

CEILING = 0.93
"""Agreement above which a candidate is not taken for a different picture when the threshold is measured."""

FEWEST = 20
"""Fewer pairs than that tell nothing of the rarest."""

NOTHING = -1.0
"""Agreement of a pair that cannot be compared."""

FALSE_ALARMS = 0.05
"""Chance that among all images any pair of different pictures is taken for a copy, as far as the model holds."""

LEAST = 0.88
"""No pair that agrees less is a copy, however unlike different pictures are."""

MOST = 0.97
"""And any that agrees more is, however alike the nearest are; but not where pairs drawn at random are as alike."""


def agreement(pair: Laid) -> Floats:
    """Median over blocks of the correlation of details, (m,): less where few can be compared, −1 where too few."""
    m, pixels = pair.first.shape
    side = int(np.sqrt(pixels))
    step = side // BLOCKS

    def blocks(values: Floats) -> Floats:
        cut = values.reshape(m, BLOCKS, step, BLOCKS, step).transpose(0, 1, 3, 2, 4)
        return cut.reshape(m, BLOCKS * BLOCKS, step * step)

    a, b, both = (blocks(part.astype(np.float32)) for part in (pair.first, pair.second, pair.both))
    count = both.sum(axis=2)
    a = (a - (a.sum(axis=2) / np.maximum(count, 1))[..., None]) * both
    b = (b - (b.sum(axis=2) / np.maximum(count, 1))[..., None]) * both
    size = np.sqrt((a * a).sum(axis=2) * (b * b).sum(axis=2))
    correlation = (a * b).sum(axis=2) / np.maximum(size, 1e-2)
    detailed = np.minimum((a * a).sum(axis=2), (b * b).sum(axis=2)) >= DETAIL**2 * count
    usable = (count >= COVERED * step * step) & detailed
    correlation[~usable] = np.nan
    enough = usable.sum(axis=1) >= FEWEST_BLOCKS
    result = np.full(m, NOTHING, dtype=np.float32)
    if enough.any():
        number = usable[enough].sum(axis=1)
        z = np.arctanh(np.clip(np.nanmedian(correlation[enough], axis=1), -0.9999, 0.9999))
        result[enough] = np.tanh(z - DOUBT * (1 / np.sqrt(number) - 1 / BLOCKS))
    return result


def threshold(candidates: Floats, drawn: Floats, images: int) -> float:
    """From which agreement on a pair is a copy.

    Args:
        candidates: Agreement of some images with their nearest candidates, copies among them.
        drawn: Agreement of pairs drawn at random, few of them copies; high where all images share an outline.
        images: Number of images among which copies are looked for.

    Returns:
        At least `LEAST`; `MOST` where too few different pictures are there to measure by.
    """
    near = candidates[(candidates < CEILING) & (candidates > NOTHING)]
    far = drawn[drawn > NOTHING]
    if len(far) < FEWEST:
        return MOST
    by_candidates = _beyond(near, images) if len(near) >= FEWEST else LEAST
    return max(LEAST, min(by_candidates, MOST), _beyond(far, images))


def _beyond(different: Floats, images: int) -> float:
    """What none of so many images' different pictures is expected to reach."""
    z = np.arctanh(np.clip(different.astype(np.float64), -0.9999, 0.9999))
    middle = float(np.median(z))
    spread = float(np.median(np.abs(z - middle)) / ndtri(0.75))
    return float(np.tanh(middle - ndtri(FALSE_ALARMS / images) * spread))
