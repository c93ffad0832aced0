"""The model of a part: everything that scoring a scan needs, and nothing of the training."""

from __future__ import annotations

from dataclasses import dataclass

from vision_cli.pcd_anomaly.model.embedding import MemoryBank, TrainedHead
from vision_cli.pcd_anomaly.options import Options
from vision_cli.pcd_anomaly.scoring.calibration import ScanLimit
from vision_cli.pcd_anomaly.scoring.features import DescribeGroups, group_vectors
from vision_cli.pcd_anomaly.scoring.fusion import Fusion
from vision_cli.pcd_anomaly.scoring.reference import Reference
from vision_cli.pcd_anomaly.surfaces.geometry import Pose


@dataclass(frozen=True)
class Model:
    """The trained model of one part.

    Attributes
    ----------
    options
        Options of the training.
    reference
        The mean surface of the good instances, with their variation.
    head, memory
        Embedding of groups, and the bank of normal groups.
    fusion
        Calibration of the channels; the last channel is the distance of embeddings.
    limit
        Distribution of the scores of good scans.
    to_prototype
        ``(4, 4)``, from the reference, which is centred on the part, to the coordinates of the first prototype.
    warnings
        Remarks on the prototypes for the user.
    describe
        Computes the vectors of groups, as in training.
    """

    options: Options
    reference: Reference
    head: TrainedHead
    memory: MemoryBank
    fusion: Fusion
    limit: ScanLimit
    to_prototype: Pose
    warnings: tuple[str, ...] = ()
    describe: DescribeGroups = group_vectors
