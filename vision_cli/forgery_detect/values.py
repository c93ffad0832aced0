"""What travels between the rooms of forgery-detect: media with their labels, faces cut out of them, and scores.

Label 1 is fake, 0 is real. A logit is positive where a face looks forged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.pictures.left_out import Skipped

Picture = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

Floats = NDArray[np.float64]

Split = Literal["train", "val", "test"]
Forgery = Literal["", "synthesis", "manipulation", "swap"]
"""Entirely synthesised, attributes manipulated, or identity swapped (MFCLIP, second level); empty where unknown."""

Family = Literal["", "diffusion", "gan"]
"""Kind of the generative model (MFCLIP, third level); empty where unknown or another."""

Verdict = Literal["fake", "real", "uncertain", "no_face"]


@dataclass(frozen=True)
class Medium:
    """A picture, a video or a folder of a video's frames, with what is known of it: a row of a manifest.

    Attributes
    ----------
    path
        The file, absolute or relative to the current directory.
    name
        Unique in a manifest: path below the root of the data set, with ``/``.
    label
        1 for fake, 0 for real; None if it is not known.
    domain
        Data set or recording condition that it belongs to.
    generator
        Name of the generative model or manipulation; empty for real media.
    forgery, family
        Second and third level of MFCLIP's prompts.
    video
        Clip that it is a frame of, unique in a manifest (two manipulations of one clip are two videos); its own name
        if it is no frame.
    source
        Key of the original clip or picture that it was made of; a real medium is its own source. Pairs share it.
    identities
        Persons in it, as far as they are known.
    split
        Part of the data set; None if it has no parts.
    mask
        Picture of the forged pixels, or None.
    """

    path: Path
    name: str
    label: int | None = None
    domain: str = ""
    generator: str = ""
    forgery: Forgery = ""
    family: Family = ""
    video: str = ""
    source: str = ""
    identities: tuple[str, ...] = ()
    split: Split | None = None
    mask: Path | None = None


@dataclass(frozen=True)
class Manifest:
    """Media of one or more data sets.

    Attributes
    ----------
    layout
        How the files are laid out.
    media
        In the order of their names.
    skipped
        What was left out.
    notes
        A sentence on each thing that was assumed.
    """

    layout: str
    media: tuple[Medium, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceCrop:
    """A square around a face, at the resolution of its file: resizing would discard evidence.

    Attributes
    ----------
    picture
        ``(N, N, 3)``.
    box
        ``(4,)`` left, top, right, bottom in pixels of the file; parts beyond its edge are mirrored.
    is_found
        Whether a detector found the face; otherwise the centre of the picture was cut.
    mask
        ``(N, N)`` in 0 to 1: how far each pixel is forged; None where that is not known.
    """

    picture: Picture = field(repr=False)
    box: Floats
    is_found: bool = True
    mask: NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class FaceInput:
    """A face as the networks take it.

    Attributes
    ----------
    image
        ``(3, S, S)`` float32 in 0 to 1: the whole crop.
    patch
        ``(3, P, P)`` float32 in 0 to 1: the richest tile at the resolution of the file (MFCLIP).
    coherence
        ``(F,)`` float32: features of the colour coherence in quiet regions, not standardised.
    """

    image: NDArray[np.float32] = field(repr=False)
    patch: NDArray[np.float32] = field(repr=False)
    coherence: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class FaceScore:
    """What a detector says of a face.

    Attributes
    ----------
    logit
        Calibrated; positive where the face looks forged.
    heat
        ``(R, C)`` float32 in 0 to 1: where it looks forged; None if it was not asked for, or the detector has none.
    domain
        Domain that the detector took it for; empty if it knows none.
    """

    logit: float
    heat: NDArray[np.float32] | None = field(default=None, repr=False)
    domain: str = ""


MASK_CELLS = 14
"""Cells along a side of the masks of `Examples`."""


@dataclass(frozen=True)
class Examples:
    """Faces to learn from, in memory.

    Attributes
    ----------
    images
        ``(N, 3, S, S)`` uint8, see `FaceInput`.
    patches
        ``(N, 3, P, P)`` uint8.
    coherence
        ``(N, F)`` float32.
    labels
        ``(N,)`` int64: 1 for fake.
    sources
        ``(N,)`` int64: faces that were made of the same original share it, so that a fake can be paired with its real.
    domains
        ``(N,)`` int64, places in `domain_names`.
    domain_names
        Names of the domains.
    generators, forgeries, families
        Words of MFCLIP's prompts, N each; empty for real faces.
    masks
        ``(N, M, M)`` float32, M = `MASK_CELLS`: share of each cell that is forged; NaN where that is unknown. None if
        it is for all.
    """

    images: NDArray[np.uint8] = field(repr=False)
    patches: NDArray[np.uint8] = field(repr=False)
    coherence: NDArray[np.float32] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    sources: NDArray[np.int64] = field(repr=False)
    domains: NDArray[np.int64] = field(repr=False)
    domain_names: tuple[str, ...]
    generators: tuple[str, ...] = field(repr=False)
    forgeries: tuple[Forgery, ...] = field(repr=False)
    families: tuple[Family, ...] = field(repr=False)
    masks: NDArray[np.float32] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.labels)
