"""What the pretrained network sees in the images: nearest training images, and a map of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from heldout.diagnosis.read import features_of
from heldout.optional import require
from heldout.records import PARTS
from heldout.web.site import Site

Reals = NDArray[np.float32]

NEAREST = 8
"""Training images that are shown beside an image."""


@dataclass(frozen=True)
class Features:
    """Features of all images of which they are known.

    Attributes:
        ids: Names of the images, n of them, part after part.
        parts: Part of each.
        values: Shape (n, d).
        units: The same, each row of length 1.
    """

    ids: tuple[str, ...]
    parts: NDArray[np.str_]
    values: Reals
    units: Reals

    def nearest(self, id_: str, most: int = NEAREST) -> list[tuple[str, float]]:
        """Training images that are most like an image, itself aside: id and cosine similarity, −1 … 1."""
        if id_ not in self.ids:
            return []
        own = self.ids.index(id_)
        rows = np.flatnonzero(self.parts == "train")
        rows = rows[rows != own]
        likeness = self.units[rows] @ self.units[own]
        best = np.argsort(-likeness, kind="stable")[:most]
        return [(self.ids[rows[k]], float(likeness[k])) for k in best]


def features(site: Site, run: str) -> Features | None:
    """The features that a diagnosis of a run left behind; None where there are none."""

    def read() -> Features | None:
        material = site.material()
        found = features_of(material.files, material.run(run))
        parts = [part for part in PARTS if part in found]
        if not parts:
            return None
        values = np.concatenate(
            [np.asarray(found[part], dtype=np.float32).reshape(len(found[part]), -1) for part in parts]
        )
        ids = tuple(id_ for part in parts for id_ in material.split.part(part))
        names = np.array([part for part in parts for _ in material.split.part(part)])
        lengths = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        return Features(ids, names, values, values / lengths)

    return site.kept(("features", run), read)


def by_pca(values: Reals) -> Reals:
    """(n, 2) the first two principal components."""
    made: Reals = PCA(2, svd_solver="randomized", random_state=0).fit_transform(values).astype(np.float32)
    return made


def by_umap(values: Reals) -> Reals:
    """(n, 2) by UMAP (McInnes et al. 2018), which keeps neighbours together and distorts distances.

    Raises:
        HeldoutError: The extra `umap` is not installed.
    """
    made: Reals = require("umap", "umap").UMAP(random_state=0).fit_transform(values).astype(np.float32)
    return made


PROJECTIONS: dict[str, Callable[[Reals], Reals]] = {"pca": by_pca, "umap": by_umap}


def projection_asked(asked: QueryParams) -> str:
    """Name of the projection that an address names with `by=`; principal components without.

    Raises:
        HTTPException: No such projection.
    """
    by = asked.get("by", "pca")
    if by not in PROJECTIONS:
        raise HTTPException(400, f"by: found {by[:40]!r}, expected one of {', '.join(PROJECTIONS)}.")
    return by


def projected(site: Site, run: str, by: str) -> tuple[Features, Reals] | None:
    """Features with their places on the map, (n, 2), scaled to −1 … 1; None where there are no features.

    Raises:
        HeldoutError: An extra is missing.
    """
    known = features(site, run)
    if known is None or len(known.ids) < 3:
        return None

    def make() -> Reals:
        made = PROJECTIONS[by](known.values)
        centred = made - made.mean(axis=0)
        scaled: Reals = centred / max(float(np.abs(centred).max()), 1e-12)
        return scaled

    return known, site.kept(("projection", run, by), make)
