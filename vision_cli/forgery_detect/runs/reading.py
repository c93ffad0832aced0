"""Data sets that a user names, as one manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.data.opening import join_manifests, open_media
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.options.sets import DataOptions
from vision_cli.forgery_detect.values import Manifest

MANIFEST, SKIPPED = "manifest.csv", "skipped.csv"
SKIPPED_COLUMNS = ("name", "reason", "is_damage")


def read_sets(paths: Sequence[Path], options: DataOptions) -> Manifest:
    """Return the media of all data sets; see `vision_cli.forgery_detect.data.opening.open_media` for errors."""
    return join_manifests(
        [
            open_media(
                path,
                options.layout,
                compression=options.compression,
                split=options.split,
                strict=options.strict,
                allow_skips=options.allow_skips,
            )
            for path in paths
        ]
    )


def require_largest_face(options: FaceOptions) -> None:
    """Refuse ``--face all`` where faces take over the label of their file.

    Raises
    ------
    UsageError
        If all faces are asked for.
    """
    if options.face != "largest":
        raise UsageError(
            f"--face {options.face}: the label of a file is that of its largest face; largest expected.",
            hint="Leave --face out.",
        )


def counts_of(manifest: Manifest) -> dict[str, float | int | str | None]:
    """Return how many media of each label, domain and generator a manifest has."""
    words = {0: "real", 1: "fake", None: "unlabelled"}
    counts: dict[str, float | int | str | None] = {"media": len(manifest.media), "skipped": len(manifest.skipped)}
    for medium in manifest.media:
        keys = [f"label/{words[medium.label]}"]
        keys += [f"domain/{medium.domain}"] if medium.domain else []
        keys += [f"generator/{medium.generator}"] if medium.generator else []
        keys += [f"split/{medium.split}"] if medium.split else []
        for key in keys:
            counts[key] = int(counts.get(key) or 0) + 1
    head = ("media", "skipped")
    return {name: counts[name] for name in (*head, *sorted(name for name in counts if name not in head))}
