"""Training of all tasks: the loop, its schedule, its processes, and the final weights and their card.

A task defines its network, its loss and its validation measures (`Task`); `train_run` does the rest.
"""

from vision_cli.core.compute.training.finish import (
    CARD,
    WEIGHTS,
    Kept,
    LoadingTask,
    fit,
    measures_of,
    pack,
    train_run,
    write_card,
)
from vision_cli.core.compute.training.loop import BEST, CHECKPOINT, HISTORY, LAST, Order, Progress, Task, Trainer
from vision_cli.core.compute.training.ranks import (
    SharedRun,
    leave_processes,
    open_shared_part,
    open_shared_run,
    shared_directory,
)
from vision_cli.core.compute.training.schedule import Schedule

__all__ = [
    "BEST",
    "CARD",
    "CHECKPOINT",
    "HISTORY",
    "LAST",
    "WEIGHTS",
    "Kept",
    "LoadingTask",
    "Order",
    "Progress",
    "Schedule",
    "SharedRun",
    "Task",
    "Trainer",
    "fit",
    "leave_processes",
    "measures_of",
    "open_shared_part",
    "open_shared_run",
    "pack",
    "shared_directory",
    "train_run",
    "write_card",
]
