"""What WiNet is trained for: the losses of its predictions, and the measures of a validation.

The paper's loss (arXiv:2407.13426, section 2) is image similarity and smoothness of the field. Two terms stand beside
it: overlap of labels, where there are any, and distance from the displacement, where it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.register.networks import Prediction, Variant
from vision_cli.register.optimisation.losses import build_similarity, gradient_penalty, published_gradient_penalty
from vision_cli.register.options.registration import Metric
from vision_cli.register.options.training import LossWeights
from vision_cli.register.training.example import Example
from vision_cli.register.transforms import fields

_SQUARINGS = 5
_WINDOW = 5
_SUBJECT_OVER = 0.05
_LEAST_SIZE = 1e-3


class Objective:
    """What predictions cost and what they are worth.

    Parameters
    ----------
    variant
        Whether the network predicts displacements or velocities.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    reference
        Shape whose halves are the units of predictions; None for that of each image, as the paper has it.
    """

    def __init__(
        self,
        variant: Variant,
        metric: Metric = "lncc",
        *,
        published_penalty: bool = False,
        reference: Sequence[int] | None = None,
    ) -> None:
        self.variant, self.metric, self.published_penalty = variant, metric, published_penalty
        self.reference = reference

    def losses(self, network: nn.Module, examples: Sequence[Example], weights: LossWeights) -> Mapping[str, Tensor]:
        """Means over the examples: ``similarity``, ``smoothness``, ``overlap`` and ``endpoint``, and their ``loss``.

        Overlap is there where examples have labels, endpoint where the weights ask for it.
        """
        rows = []
        for prediction, example in zip(_predictions(network, examples), examples, strict=True):
            displacement, row = self._of_images(prediction, example)
            if example.fixed_shares is not None and example.moving_shares is not None:
                row["overlap"] = 1 - soft_dice(example.fixed_shares, example.moving_shares, displacement)
            if weights.endpoint > 0:
                row["endpoint"] = _relative_error(example, displacement)
            rows.append(row)
        means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
        loss = torch.stack([getattr(weights, name) * value for name, value in means.items()]).sum()
        return {"loss": loss, **means}

    def measures(self, network: nn.Module, examples: Sequence[Example], spacing: float) -> Mapping[str, float]:
        """Means over the examples: Dice and similarity before and after, endpoint error in mm, and folded voxels.

        What no example can be measured by is left out.

        Parameters
        ----------
        network
            The network, without several processes around it.
        examples
            Pairs that no training sees.
        spacing
            Their voxel size in mm.
        """
        rows = []
        for example in examples:
            (prediction,) = _predictions(network, [example])
            displacement, row = self._of_images(prediction, example)
            still = torch.zeros_like(displacement)
            measured = {}
            if example.fixed_shares is not None and example.moving_shares is not None:
                for name, field in (("dice_before", still), ("dice", displacement)):
                    measured[name] = float(soft_dice(example.fixed_shares, example.moving_shares, field))
            measured["similarity_before"] = float(self._similarity(example, still))
            measured["similarity"] = float(row["similarity"])
            if example.displacement is not None:
                error = (displacement - example.displacement).square().sum(0).sqrt().mean()
                measured["endpoint_mm"] = float(error) * spacing
            measured["folds_voxels"] = float((fields.jacobian_determinant(displacement) <= 0).sum())
            rows.append(measured)
        names = list(dict.fromkeys(name for row in rows for name in row))
        return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}

    def _of_images(self, prediction: Prediction, example: Example) -> tuple[Tensor, dict[str, Tensor]]:
        """Predicted displacement ``(D, *shape)`` in voxels, with its ``similarity`` and ``smoothness``."""
        field = prediction.in_voxels(self.reference)[0]
        displacement = fields.exponentiate(field, _SQUARINGS) if self.variant == "diffeo" else field
        if self.published_penalty:
            penalty = published_gradient_penalty(prediction.field[0])
        else:
            penalty = gradient_penalty(field, (1.0,) * field.shape[0])
        return displacement, {"similarity": self._similarity(example, displacement), "smoothness": penalty}

    def _similarity(self, example: Example, displacement: Tensor) -> Tensor:
        points = fields.identity_points(tuple(example.fixed.shape), example.fixed.device) + displacement
        warped = fields.sample(example.moving[None], points)[0]
        return build_similarity(self.metric, example.fixed, _WINDOW)(warped)


def soft_dice(fixed: Tensor, moving: Tensor, displacement: Tensor) -> Tensor:
    """Mean soft Dice of the labels that are seen, shares ``(K, *shape)``; the moving ones are warped linearly."""
    points = fields.identity_points(tuple(fixed.shape[1:]), displacement.device) + displacement
    warped = fields.sample(moving, points).flatten(1)
    own = fixed.flatten(1)
    # Squares: a voxel that two labels share agrees with itself.
    sizes = own.square().sum(1) + warped.square().sum(1)
    seen = (sizes > _LEAST_SIZE).float()
    scores = 2 * (own * warped).sum(1) / sizes.clamp(min=_LEAST_SIZE)
    return (scores * seen).sum() / seen.sum().clamp(min=1.0)


def _predictions(network: nn.Module, examples: Sequence[Example]) -> list[Prediction]:
    """Predict the field of every example, one prediction each with a batch of one."""
    moving, fixed = (
        torch.stack([getattr(example, side)[None] for example in examples]) for side in ("moving", "fixed")
    )
    together: Prediction = network(moving, fixed)
    # Losses are float32 whatever the precision of the network: displacements are told apart to a part of a voxel.
    field, (w8, w4, w2) = together.field.float(), (levels.float() for levels in together.coefficients)
    return [Prediction(field[n : n + 1], (w8[n : n + 1], w4[n : n + 1], w2[n : n + 1])) for n in range(len(examples))]


def _relative_error(example: Example, displacement: Tensor) -> Tensor:
    """Mean squared distance from the known displacement inside the subject, over its mean square; 0 if unknown."""
    if example.displacement is None:
        return displacement.new_zeros(())
    inside = (example.fixed > _SUBJECT_OVER).float()
    error = ((displacement - example.displacement).square().sum(0) * inside).sum()
    return error / (example.displacement.square().sum(0) * inside).sum().clamp(min=1e-6)
