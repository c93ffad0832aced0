"""Losses of WiNet's predictions, and measures of a validation.

The loss of the paper (arXiv:2407.13426, section 2) is image similarity plus smoothness of the field. Two terms are
added: overlap of labels, if there are any, and distance from the true displacement, if it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.register.networks.winet import Prediction, Variant
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
    """Losses and validation measures of predictions.

    Parameters
    ----------
    variant
        Whether the network predicts displacements or velocities.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    reference
        Shape that the normalised coordinates of predictions refer to; None for that of each image, as in the paper.
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
        """Return means over the examples: ``similarity``, ``smoothness``, ``overlap``, ``endpoint``, and the ``loss``.

        ``overlap`` is included if the examples have labels, ``endpoint`` if its weight is not zero.
        """
        rows = []
        for prediction, example in zip(_predict_each(network, examples), examples, strict=True):
            displacement_voxels, row = self._image_losses(prediction, example)
            if example.fixed_soft_labels is not None and example.moving_soft_labels is not None:
                row["overlap"] = 1 - soft_dice(
                    example.fixed_soft_labels, example.moving_soft_labels, displacement_voxels
                )
            if weights.endpoint > 0:
                row["endpoint"] = _relative_error(example, displacement_voxels)
            rows.append(row)
        means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
        loss = torch.stack([getattr(weights, name) * value for name, value in means.items()]).sum()
        return {"loss": loss, **means}

    def measures(self, network: nn.Module, examples: Sequence[Example], spacing: float) -> Mapping[str, float]:
        """Return means over the examples: Dice and similarity before and after, endpoint error in mm, folded voxels.

        Measures that need labels or a known displacement are left out where no example has them.

        Parameters
        ----------
        network
            The network, not wrapped for several processes.
        examples
            Held-out pairs.
        spacing
            Voxel size in mm.
        """
        rows = []
        for example in examples:
            (prediction,) = _predict_each(network, [example])
            displacement_voxels, row = self._image_losses(prediction, example)
            no_displacement = torch.zeros_like(displacement_voxels)
            measured = {}
            if example.fixed_soft_labels is not None and example.moving_soft_labels is not None:
                for name, field_voxels in (("dice_before", no_displacement), ("dice", displacement_voxels)):
                    measured[name] = float(
                        soft_dice(example.fixed_soft_labels, example.moving_soft_labels, field_voxels)
                    )
            measured["similarity_before"] = float(self._similarity(example, no_displacement))
            measured["similarity"] = float(row["similarity"])
            if example.displacement_voxels is not None:
                error = (displacement_voxels - example.displacement_voxels).square().sum(0).sqrt().mean()
                measured["endpoint_mm"] = float(error) * spacing
            measured["folds_voxels"] = float((fields.jacobian_determinant(displacement_voxels) <= 0).sum())
            rows.append(measured)
        names = list(dict.fromkeys(name for row in rows for name in row))
        return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}

    def _image_losses(self, prediction: Prediction, example: Example) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the predicted displacement ``(D, *shape)`` in voxels, and its ``similarity`` and ``smoothness``."""
        field_voxels = prediction.field_voxels(self.reference)[0]
        displacement_voxels = (
            fields.exponentiate(field_voxels, _SQUARINGS) if self.variant == "diffeo" else field_voxels
        )
        if self.published_penalty:
            penalty = published_gradient_penalty(prediction.normalised_field[0])
        else:
            penalty = gradient_penalty(field_voxels, (1.0,) * field_voxels.shape[0])
        return displacement_voxels, {
            "similarity": self._similarity(example, displacement_voxels),
            "smoothness": penalty,
        }

    def _similarity(self, example: Example, displacement_voxels: Tensor) -> Tensor:
        points = fields.identity_points(tuple(example.fixed.shape), example.fixed.device) + displacement_voxels
        warped = fields.sample(example.moving[None], points)[0]
        return build_similarity(self.metric, example.fixed, _WINDOW)(warped)


def soft_dice(fixed: Tensor, moving: Tensor, displacement_voxels: Tensor) -> Tensor:
    """Return the mean soft Dice over the labels that are present.

    Parameters
    ----------
    fixed, moving
        Soft labels ``(K, *shape)``; the moving ones are warped with linear interpolation.
    displacement_voxels
        ``(D, *shape)``, from fixed to moving points.
    """
    points = fields.identity_points(tuple(fixed.shape[1:]), displacement_voxels.device) + displacement_voxels
    warped = fields.sample(moving, points).flatten(1)
    own = fixed.flatten(1)
    # With squares, a voxel that is divided between labels has a Dice of 1 with itself.
    sizes = own.square().sum(1) + warped.square().sum(1)
    seen = (sizes > _LEAST_SIZE).float()
    scores = 2 * (own * warped).sum(1) / sizes.clamp(min=_LEAST_SIZE)
    return (scores * seen).sum() / seen.sum().clamp(min=1.0)


def _predict_each(network: nn.Module, examples: Sequence[Example]) -> list[Prediction]:
    """Predict the fields of all examples in one batch; return one prediction for each, with a batch size of one."""
    moving, fixed = (
        torch.stack([getattr(example, side)[None] for example in examples]) for side in ("moving", "fixed")
    )
    together: Prediction = network(moving, fixed)
    # Losses are computed in float32 whatever the precision of the network: fractions of a voxel matter.
    normalised_field = together.normalised_field.float()
    w8, w4, w2 = (levels.float() for levels in together.coefficients)
    return [
        Prediction(normalised_field[n : n + 1], (w8[n : n + 1], w4[n : n + 1], w2[n : n + 1]))
        for n in range(len(examples))
    ]


def _relative_error(example: Example, displacement_voxels: Tensor) -> Tensor:
    """Return the mean squared error of a displacement inside the subject, over the mean square of the true one.

    It is 0 if the true displacement is not known.
    """
    if example.displacement_voxels is None:
        return displacement_voxels.new_zeros(())
    inside = (example.fixed > _SUBJECT_OVER).float()
    error = ((displacement_voxels - example.displacement_voxels).square().sum(0) * inside).sum()
    return error / (example.displacement_voxels.square().sum(0) * inside).sum().clamp(min=1e-6)
