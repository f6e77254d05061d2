"""Phantoms that were made before are not made again."""

from __future__ import annotations

from pathlib import Path

from heldout._version import __version__
from heldout.claims import claim_of, hold
from heldout.files import cache_folder, hash_of, sha256_of
from heldout.phantoms.simulation import SIZE, simulate
from heldout.phantoms.world import Counts, World
from heldout.phantoms.write import write_phantom
from heldout.progress import Reporter
from heldout.records.codec import to_data


def cached_phantom(
    world: World, seed: int = 0, counts: Counts | None = None, size: int = SIZE, reporter: Reporter | None = None
) -> Path:
    """The folder of a phantom in the user's cache, made now if it is not there.

    Args:
        world: Its laws.
        seed: Its seed.
        counts: Images and patients of each part.
        size: Side of the images, pixels.
        reporter: Hears of progress.

    Returns:
        A folder as `write_phantom` makes it. Its name depends on every setting and on the code of the simulator, so
        that a changed simulator never serves old images.
    """
    counts = counts or Counts()
    key = hash_of([to_data(world), seed, to_data(counts), size, __version__, _code()])
    folder = cache_folder() / "phantoms" / f"{world.name}-{key}"
    if not (folder / "truth.json").is_file():
        with hold(claim_of(folder)):
            if not (folder / "truth.json").is_file():  # another process may just have made it
                write_phantom(simulate(world, seed, counts, size, reporter=reporter), folder)
    return folder


def _code() -> list[str]:
    """Hashes of the modules that make the images."""
    return [sha256_of(path) for path in sorted(Path(__file__).parent.glob("*.py"))]
