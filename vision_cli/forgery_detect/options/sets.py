"""Which data sets are read, how copies of equal history are made of them, and what forgeries are simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

DATA = "Data"


@dataclass(frozen=True)
class DataOptions:
    """How data sets are read; see `vision_cli.forgery_detect.data.opening.open_media`."""

    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data sets, or auto.", rich_help_panel=DATA)
    ] = "auto"
    compression: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="raw, c23 or c40 of FaceForensics++ and its kin.", rich_help_panel=DATA),
    ] = None
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part of the data sets: train, val, test or all.", rich_help_panel=DATA),
    ] = None
    strict: Annotated[
        bool, typer.Option("--strict", help="End at the first entry that cannot be used.", rich_help_panel=DATA)
    ] = False
    allow_skips: Annotated[
        bool,
        typer.Option(
            "--allow-skips", help="Accept that more than 5 % of the entries cannot be used.", rich_help_panel=DATA
        ),
    ] = False


@dataclass(frozen=True)
class HistoryOptions:
    """Whether and how copies of equal history are made; see `vision_cli.forgery_detect.data.history`.

    Attributes
    ----------
    match_history
        Whether to make them.
    reduce
        Ratio of the reduction, in words.
    quality
        Of the last JPEG encoding.
    crop
        Side of the crop on the face, px; 0 for whole pictures.
    """

    match_history: Annotated[
        bool,
        typer.Option(
            "--match-history",
            help="Copy the pictures so that both classes have the same encodings and resizes.",
            rich_help_panel=DATA,
        ),
    ] = False
    reduce: Annotated[
        str, typer.Option(metavar="P/Q", help="Ratio by which --match-history reduces.", rich_help_panel=DATA)
    ] = "2/3"
    quality: Annotated[
        int, typer.Option(min=10, max=100, metavar="Q", help="JPEG quality of --match-history.", rich_help_panel=DATA)
    ] = 75
    crop: Annotated[
        int,
        typer.Option(
            min=0, max=4096, metavar="PX", help="Crop on the face of --match-history; 0: whole.", rich_help_panel=DATA
        ),
    ] = 320


@dataclass(frozen=True)
class SynthOptions:
    """What forgeries are simulated; see `vision_cli.forgery_detect.simulation.pairs.simulate_pairs`.

    Attributes
    ----------
    per_portrait
        Pairs of a real face and a forgery of it, of each portrait.
    kinds
        Kinds of forgery, in words.
    rendered
        Rendered faces that are photographed and forged beside the portraits.
    """

    per_portrait: Annotated[
        int,
        typer.Option("--count", "-n", min=1, max=10**6, metavar="N", help="Pairs a portrait.", rich_help_panel=DATA),
    ] = 14
    kinds: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Kinds that take turns: resample, codec, denoise, chroma, blend, mouth, background; one named twice "
            "is made twice as often.",
            rich_help_panel=DATA,
        ),
    ] = "resample,chroma,codec,blend,denoise,chroma,mouth,background"
    rendered: Annotated[
        int,
        typer.Option(min=0, max=10**6, metavar="N", help="Rendered faces beside the portraits.", rich_help_panel=DATA),
    ] = 0
