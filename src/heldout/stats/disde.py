"""Is the target worse because it differs in appearance, or although it does not: the split called DISDE.

After Cai, Namkoong & Yadlowsky (2023), "Diagnosing model performance under distribution shift".

Loss ℓ on a source P (validation, one class) and a target Q (test, the same class). S is the distribution that both
share: images of P that could be of Q and the reverse, weighted by π(x) = P(target | x) of `stats.shift`. With α =
n_Q/(n_P + n_Q):

    w_P = π / ((1−α)π + α(1−π))        w_Q = (1−π) / ((1−α)π + α(1−π))
    E_S[R_P] = Σ w_P ℓ / Σ w_P          E_S[R_Q] = Σ w_Q ℓ / Σ w_Q

    E_Q − E_P = (E_S[R_P] − E_P) + (E_S[R_Q] − E_S[R_P]) + (E_Q − E_S[R_Q])
                 seen                alike                 unseen

*seen*: images known from P that are harder and more frequent in Q. *alike*: images that resemble each other and are yet
answered worse. *unseen*: images of Q such as P hardly has. It is made for one class at a time: pooled over classes, a
shift in one of them hides in "alike".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.stats.scores import Reals
from heldout.stats.shift import domain_auc
from heldout.stats.weights import Weights


@dataclass(frozen=True)
class Decomposition:
    """The three parts of a difference in mean loss; they add up to `total` exactly, in every replicate too.

    Attributes:
        seen: I = E_S[R_P] − E_P[R_P], in the unit of the loss.
        alike: II = E_S[R_Q] − E_S[R_P].
        unseen: III = E_Q[R_Q] − E_S[R_Q].
        replicates: (3, B) the three parts in each replicate; (3, 0) where no weights were given.
        effective_source: Images that the weighted source images are worth, (Σw)²/Σw² (Kish 1965).
        effective_target: Likewise of the target.
        auc: Domain AUC of the π.
    """

    seen: float
    alike: float
    unseen: float
    replicates: Reals
    effective_source: float
    effective_target: float
    auc: float

    @property
    def total(self) -> float:
        """E_Q[loss] − E_P[loss]."""
        return self.seen + self.alike + self.unseen


def disde(
    loss_P: Reals,
    loss_Q: Reals,
    pi_P: Reals,
    pi_Q: Reals,
    weights_P: Weights | None = None,
    weights_Q: Weights | None = None,
) -> Decomposition:
    """Split the difference in mean loss between target and source.

    Args:
        loss_P: (n_P,) loss of each source image: 1 where wrong and 0 where right gives parts in accuracy fractions.
        loss_Q: (n_Q,) likewise of the target.
        pi_P: (n_P,) cross-fitted P(target | x) at the two sets' own sizes (`stats.shift.domain_probabilities`).
        pi_Q: (n_Q,) likewise.
        weights_P: (B, n_P) how often each image counts in each bootstrap replicate; π is held fixed.
        weights_Q: (B, n_Q) likewise; both or neither.

    Raises:
        ValueError: Lengths that do not fit, π outside (0, 1), no image on a side, or weights for one side only.
    """
    _check(loss_P, loss_Q, pi_P, pi_Q, weights_P, weights_Q)
    alpha = len(pi_Q) / (len(pi_P) + len(pi_Q))
    shared_P = pi_P / ((1 - alpha) * pi_P + alpha * (1 - pi_P))  # (n_P,)
    shared_Q = (1 - pi_Q) / ((1 - alpha) * pi_Q + alpha * (1 - pi_Q))
    once = np.ones((1, len(pi_P))), np.ones((1, len(pi_Q)))
    seen, alike, unseen = _parts(loss_P, loss_Q, shared_P, shared_Q, *once)[:, 0].tolist()
    replicates = np.empty((3, 0))
    if weights_P is not None and weights_Q is not None:
        replicates = _parts(loss_P, loss_Q, shared_P, shared_Q, weights_P, weights_Q)
    auc = domain_auc(pi_P, pi_Q)
    effective = _effective(shared_P), _effective(shared_Q)
    return Decomposition(seen, alike, unseen, replicates, effective[0], effective[1], auc)


def _check(
    loss_P: Reals, loss_Q: Reals, pi_P: Reals, pi_Q: Reals, weights_P: Weights | None, weights_Q: Weights | None
) -> None:
    for name, loss, pi in (("source", loss_P, pi_P), ("target", loss_Q, pi_Q)):
        if not len(loss) or loss.shape != pi.shape:
            raise ValueError(f"{name}: expected as many losses as π, at least one, found {loss.shape} and {pi.shape}")
        if not ((pi > 0) & (pi < 1)).all():
            raise ValueError(f"{name}: expected π between 0 and 1, found {pi.min()} to {pi.max()}")
    if (weights_P is None) != (weights_Q is None):
        raise ValueError("expected replicates of both sides or of neither")
    if weights_P is not None and weights_Q is not None:
        expected = (len(weights_P), len(loss_P)), (len(weights_P), len(loss_Q))
        if (weights_P.shape, weights_Q.shape) != expected:
            raise ValueError(f"expected weights of shapes {expected}, found {weights_P.shape} and {weights_Q.shape}")


def _parts(
    loss_P: Reals, loss_Q: Reals, shared_P: Reals, shared_Q: Reals, weights_P: Weights, weights_Q: Weights
) -> Reals:
    """(3, B); NaN where a replicate has no image of a side."""
    mean_P, on_shared_P = _means(loss_P, shared_P, weights_P)
    mean_Q, on_shared_Q = _means(loss_Q, shared_Q, weights_Q)
    return np.stack([on_shared_P - mean_P, on_shared_Q - on_shared_P, mean_Q - on_shared_Q])


def _means(loss: Reals, shared: Reals, weights: Weights) -> tuple[Reals, Reals]:
    """Mean loss and mean loss on the shared distribution in each replicate, (B,) each."""
    columns = np.stack([np.ones_like(shared), loss, shared, shared * loss], axis=1)  # (n, 4)
    sums: Reals = np.asarray(weights @ columns, dtype=np.float64)  # (B, 4)
    with np.errstate(invalid="ignore"):
        plain: Reals = sums[:, 1] / sums[:, 0]
        on_shared: Reals = sums[:, 3] / sums[:, 2]
    return plain, on_shared


def _effective(weights: Reals) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())
