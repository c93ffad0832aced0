"""A bent end: a hinge across the part beyond which a scan turns away, told from the smooth warp of its instance.

A tolerance bends a part too, but nowhere sharply. Which of the two explains the offsets of a scan is told by evidence:
the logarithm of the Bayes factor of a warp with a hinge against a warp alone, both Gaussian, for hinges all over it.
What lies beyond the hinge is then known to be off, though most of it would pass for a warp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Pose, Surface, basis_of, invert, transform
from vision_cli.pcd_anomaly.surfaces.lookup import Level
from vision_cli.pcd_anomaly.surfaces.warps import Tolerance, Warp, offsets_beside

_SHARES = (0.07, 0.11, 0.15, 0.2, 0.25)
"""Shares of the part that lie beyond a hinge."""

_SHORTEST = 1 / 50
"""Length of an end, as a share of the diameter."""

_FEWEST_SEEN, _LEAST_MOVED = 0.02, 0.1
"""A bend is looked for where it would move such a share of the places of a scan by such a share of what it turns."""

_USUAL_BEND, _USUAL_SHIFT = 1 / 100, 1 / 50
"""How far ends are bent, and scans misplaced, as shares of the diameter."""

_MOST_SAMPLES = 1500
"""Offsets that bends are told from: their covariance is factored."""

_CUT = 4.0
_ROUNDS = 3

_SAME_END = 0.5
"""Cosine between the directions to two ends above which they are one."""

_VERY_STRONG = 5.0
"""Half of the ten that "very strong" evidence begins at on the scale of twice the logarithm (Kass and Raftery 1995)."""


@dataclass(frozen=True)
class Hinge:
    """A line across a part.

    Attributes
    ----------
    along
        Unit vector towards the end.
    begins, ends
        Places along it.
    across
        The two ways that the end can turn, ``(2, 3)``.
    """

    along: NDArray[np.float64]
    begins: float
    ends: float
    across: NDArray[np.float64]

    def design(self, points: Points, normals: Points) -> NDArray[np.float64]:
        """Tell what turning the end by a unit, at its end, does along the normals, ``(N, 2)``."""
        ramp = np.clip((points @ self.along - self.begins) / (self.ends - self.begins), 0, None)
        return ramp[:, None] * (normals @ self.across.T)


@dataclass(frozen=True)
class Bend:
    """A bend of a scan.

    Attributes
    ----------
    hinge
        Where.
    turn
        How far the end is moved each way, ``(2,)``.
    evidence
        Logarithm of the Bayes factor against no bend, more than 0.
    """

    hinge: Hinge
    turn: NDArray[np.float64]
    evidence: float

    def said(self, surface: Surface) -> NDArray[np.float64]:
        """Give what it moves along the normals of a surface times the deviations that the evidence is worth, ``(N,)``.

        Evidence of a normal deviation grows with its square, so its root counts deviations.
        """
        moved = self.hinge.design(surface.points, surface.normals) @ self.turn
        return np.asarray(np.sqrt(self.evidence) * moved)


def hinges_of(surface: Surface, size: float) -> list[Hinge]:
    """Lay hinges across a part of diameter ``size``: along its principal axes and half-way between them."""
    axes = np.linalg.eigh(np.cov(surface.points.T))[1].T
    found = []
    for signs in product((-1.0, 0.0, 1.0), repeat=3):
        if not any(signs):
            continue
        basis = basis_of(np.asarray(signs) / np.linalg.norm(signs)) @ axes
        places = surface.points @ basis[2]
        end = float(places.max())
        begins = [float(begin) for begin in np.quantile(places, 1 - np.asarray(_SHARES))]
        found += [Hinge(basis[2], begin, end, basis[:2]) for begin in begins if end - begin > _SHORTEST * size]
    return found


def find_bends(
    surface: Surface,
    level: Level,
    tolerance: Tolerance,
    warp: Warp,
    noise: NDArray[np.float64],
    hinges: Sequence[Hinge],
    spacing: float,
    size: float,
) -> tuple[Bend, ...]:
    """Find the likeliest bend of each end of a scan that there is evidence of, the likeliest of all first.

    Parameters
    ----------
    surface
        In the frame of the reference, normals outward.
    level
        The reference.
    tolerance
        What warps are likely.
    warp
        That of the instance, which tells what of the reference lies where.
    noise
        Standard deviation of offsets at each point of the reference, ``(V,)``.
    hinges
        Where ends might be bent.
    spacing, size
        Of the reference's points, and its diameter.
    """
    found, offsets = offsets_beside(surface, level, warp, spacing, size)
    rows = np.flatnonzero(np.isfinite(offsets))
    if not len(rows) or not hinges:
        return ()
    rows = rows[:: -(-len(rows) // _MOST_SAMPLES)]
    points, normals, offsets = surface.points[rows], surface.normals[rows], offsets[rows]
    designs = np.stack([_shown(hinge.design(points, normals)) for hinge in hinges])
    if not designs.any():
        return ()
    variance = noise[found.nearest[rows]] ** 2 + (1.4826 * np.median(np.abs(found.value[rows]))) ** 2
    turning = np.cross(points - points.mean(axis=0), normals) / size
    rigid = _USUAL_SHIFT * size * np.column_stack([turning, normals])
    smooth = tolerance.covariance(points, normals) + rigid @ rigid.T
    doubt = np.ones(len(rows))
    for _ in range(_ROUNDS):
        turns, evidence, left = compare(smooth + np.diag(doubt * variance), offsets, designs, _USUAL_BEND * size)
        # What neither explains is another defect, and does not speak for a bend.
        rest = doubt * variance * left
        doubt = (1 + rest**2 / (_CUT**2 * variance)) ** 2
    bends: dict[bytes, Bend] = {}
    for number in np.argsort(-evidence, kind="stable"):
        if evidence[number] > 0:
            bend = Bend(hinges[number], turns[number], float(evidence[number]))
            bends.setdefault(bend.hinge.along.tobytes(), bend)
    return tuple(bends.values())


def bent_by(bends: Sequence[Bend], surface: Surface) -> NDArray[np.float64]:
    """Tell how far ends are off at a surface by the bend that says most there, as `Bend.said`, 0 or more, ``(N,)``."""
    most = np.zeros(len(surface))
    for bend in bends:
        most = np.maximum(most, np.abs(bend.said(surface)))
    return most


def sure_bends(bends: Sequence[Bend]) -> list[Bend]:
    """Choose of bends, the likeliest first, those that there is very strong evidence of, and of each end the first."""
    found: list[Bend] = []
    for bend in bends:
        is_told = any(bend.hinge.along @ other.hinge.along > _SAME_END for other in found)
        if bend.evidence > _VERY_STRONG and not is_told:
            found.append(bend)
    return found


def describe_bend(bend: Bend, pose: Pose) -> dict[str, object]:
    """Describe a bend for JSON, in the frame and the unit of a scan.

    Parameters
    ----------
    bend
        On the reference.
    pose
        ``(4, 4)``, from the scan to the reference.

    Returns
    -------
    dict
        ``evidence``, the natural logarithm of a Bayes factor; ``end_moved``, the displacement of the very end; and the
        plane that the hinge lies in: its unit normal ``towards_end``, and ``begins_at``, the point of the plane that
        is nearest to the origin of the reference.
    """
    hinge, back = bend.hinge, invert(pose)
    return {
        "evidence": bend.evidence,
        "end_moved": (back[:3, :3] @ (bend.turn @ hinge.across)).tolist(),
        "towards_end": (back[:3, :3] @ hinge.along).tolist(),
        "begins_at": transform(back, hinge.begins * hinge.along[None])[0].tolist(),
    }


def compare(
    covariance: NDArray[np.float64], values: NDArray[np.float64], designs: NDArray[np.float64], usual: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Tell what pairs of columns add to the explanation of values by a normal distribution.

    Parameters
    ----------
    covariance
        Of the values without them, ``(N, N)``.
    values
        ``(N,)``.
    designs
        ``(H, N, 2)``.
    usual
        Standard deviation of the coefficients of the columns.

    Returns
    -------
    tuple
        The most probable coefficients of each pair, ``(H, 2)``; the logarithm of its Bayes factor against having
        neither, ``(H,)``; and for the pair that has most of it the product of the inverse of the covariance with what
        it leaves of the values, ``(N,)``.
    """
    count, rows, _ = designs.shape
    flat = designs.transpose(1, 0, 2).reshape(rows, -1)
    solved = cho_solve(cho_factor(covariance), np.column_stack([values, flat]))
    pull = np.einsum("hnj,n->hj", designs, solved[:, 0])
    hold = np.einsum("hni,nhj->hij", designs, solved[:, 1:].reshape(rows, count, 2))
    turns = np.linalg.solve(hold + np.eye(2) / usual**2, pull[..., None])[..., 0]
    evidence = ((pull * turns).sum(axis=1) - np.linalg.slogdet(np.eye(2) + usual**2 * hold)[1]) / 2
    best = int(evidence.argmax())
    left = solved[:, 0] - solved[:, 1 + 2 * best : 3 + 2 * best] @ turns[best]
    return turns, evidence, left


def _shown(design: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out the ways of a design ``(N, 2)`` that hardly a place would show: these places say something else."""
    is_shown = (np.abs(design) > _LEAST_MOVED).mean(axis=0) > _FEWEST_SEEN
    return np.where(is_shown, design, 0.0)
