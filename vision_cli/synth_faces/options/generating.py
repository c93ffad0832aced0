"""What is generated, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

WHAT, RESULT, DIFFUSION, GUIDANCE, LABELS = "What is shown", "Result", "Diffusion", "Semantic guidance", "Labels"

FileType = Literal["png", "jpg"]
BackendName = Literal["auto", "diffusion", "render"]
Sampler = Literal["ddim", "dpm++"]
GuidanceTarget = Literal["text", "latent", "both"]
Rectify = Literal["none", "anno", "vote"]


@dataclass(frozen=True)
class GenerateOptions:
    """What is generated.

    Attributes
    ----------
    count, per_label
        Samples, or samples a label; None for what the other or the plan says.
    labels
        Words of labels, see `vision_cli.synth_faces.plans.labels.parse_labels`; None for the eight basic expressions,
        or for none where action units are asked for.
    aus
        Words of action units, see `vision_cli.synth_faces.plans.action_units.parse_aus`.
    plan
        Table of what is shown, see `vision_cli.synth_faces.plans.plan.read_plan`.
    series, repeats
        Action units that are varied alone, and persons by whom, see
        `vision_cli.synth_faces.plans.plan.control_series`.
    free_share
        Share of the samples that show random action units and have no label.
    prompt
        Description of every picture, for diffusion; ``{label}`` stands for the words of its label. None for one that is
        made of the label and of a person of the sample's seed.
    backend
        What draws: ``render``, ``diffusion``, or ``auto``: diffusion where its weights are there.
    studio
        Whether renders are nearly frontal, in even light, and cut from brows to chin.
    size
        Pixels a side; None for 128 of renders, and for the model's own of diffusion.
    file_type
        Of the pictures.
    """

    count: Annotated[
        int | None,
        typer.Option("--count", "-n", min=1, max=10**8, metavar="N", help="Number of pictures.", rich_help_panel=WHAT),
    ] = None
    per_label: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Pictures of each label, in place of --count.", rich_help_panel=WHAT),
    ] = None
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="basic7, basic8 (the default), compound, or names of labels.", rich_help_panel=WHAT
        ),
    ] = None
    aus: Annotated[
        str | None,
        typer.Option(
            "--au",
            metavar="AU=X,...",
            help="Action units and intensities from 0 to 5, such as 12=4,L14=2, in place of those of the label.",
            rich_help_panel=WHAT,
        ),
    ] = None
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV of what is shown: label, au, count, person, seed, or a column an action unit.",
            rich_help_panel=WHAT,
        ),
    ] = None
    series: Annotated[
        str | None,
        typer.Option(
            metavar="AU,...",
            help="Show each of these action units alone, at the levels 0 to 5, on the faces of --repeats persons.",
            rich_help_panel=WHAT,
        ),
    ] = None
    repeats: Annotated[
        int, typer.Option(min=1, max=10**5, metavar="N", help="Persons of a --series.", rich_help_panel=WHAT)
    ] = 24
    free_share: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Share of the pictures that show random action units and have no label.",
            rich_help_panel=WHAT,
        ),
    ] = 0.0
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Description of every picture, for diffusion; {label} stands for the words of its label.",
            rich_help_panel=WHAT,
        ),
    ] = None
    backend: Annotated[
        BackendName,
        typer.Option(
            help="render: a rig with exact truth; diffusion: a network under text and action units; auto: diffusion "
            "where its weights are there.",
            rich_help_panel=RESULT,
        ),
    ] = "render"
    studio: Annotated[
        bool,
        typer.Option(
            "--studio",
            help="Render nearly frontal faces in even light, cut from brows to chin, in which expressions count most.",
            rich_help_panel=RESULT,
        ),
    ] = False
    size: Annotated[
        int | None,
        typer.Option(
            min=32,
            max=1024,
            metavar="PX",
            help="Side of the pictures; 128 of renders by default, the model's own of diffusion.",
            rich_help_panel=RESULT,
        ),
    ] = None
    file_type: Annotated[
        FileType, typer.Option("--file-type", help="Format of the pictures.", rich_help_panel=RESULT)
    ] = "png"


@dataclass(frozen=True)
class DiffusionOptions:
    """How faces are drawn by diffusion.

    Attributes
    ----------
    model, adapter, guide
        Weights: ``default``, a file, or a hub's id; of the model also a directory of diffusers, of the adapter
        ``none``.
    au_scale
        Factor of the attention to action units.
    steps, sampler, cfg, negative_prompt
        See `vision_cli.synth_faces.pipeline.sampling.loop.Steps`.
    batch_size
        Samples that are drawn at once; with more than one, pixels may differ by rounding.
    layout, invert_share
        Where the noise of a sample comes from: ``none``, ``render``, or a data set of faces; and the share of the steps
        that a face is inverted over.
    sg, sg_start, sg_scale, sg_target, sg_decoder
        Whether and how semantic guidance is applied, see
        `vision_cli.synth_faces.pipeline.guidance.steps.SemanticGuidance`.
    """

    model: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Model: default, a file of train-base, a directory of diffusers of the Stable Diffusion 1.5 kind, or "
            "a hub id.",
            rich_help_panel=DIFFUSION,
        ),
    ] = "default"
    adapter: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Adapter of action units for the model: default, a file of train-adapter, or none.",
            rich_help_panel=DIFFUSION,
        ),
    ] = "default"
    au_scale: Annotated[
        float,
        typer.Option(
            min=0, max=10, metavar="X", help="Factor of the attention to action units.", rich_help_panel=DIFFUSION
        ),
    ] = 1.0
    steps: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Denoising steps.", rich_help_panel=DIFFUSION)
    ] = 25
    sampler: Annotated[Sampler, typer.Option(help="ddim or dpm++.", rich_help_panel=DIFFUSION)] = "ddim"
    cfg: Annotated[
        float,
        typer.Option(
            min=1, max=50, metavar="X", help="Scale of classifier-free guidance; 1 is none.", rich_help_panel=DIFFUSION
        ),
    ] = 4.0
    negative_prompt: Annotated[
        str, typer.Option(metavar="TEXT", help="What is steered away from.", rich_help_panel=DIFFUSION)
    ] = ""
    batch_size: Annotated[
        int,
        typer.Option(
            min=1,
            max=1024,
            metavar="N",
            help="Samples that are drawn at once; more is faster on a GPU, and may change pixels by rounding.",
            rich_help_panel=DIFFUSION,
        ),
    ] = 1
    layout: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Where pose and outline come from: none, noise alone; render, a render; or a data set of faces.",
            rich_help_panel=DIFFUSION,
        ),
    ] = "none"
    invert_share: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=1,
            metavar="X",
            help="Share of the steps that a layout is inverted over: the more, the less of it is left.",
            rich_help_panel=DIFFUSION,
        ),
    ] = 0.7
    sg: Annotated[
        bool,
        typer.Option("--sg/--no-sg", help="Steer late steps by a recogniser of expressions.", rich_help_panel=GUIDANCE),
    ] = False
    guide: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="The recogniser: default, a file of train-fer, or a hub id.", rich_help_panel=GUIDANCE
        ),
    ] = "default"
    sg_start: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="X", help="Share of the steps after which it begins.", rich_help_panel=GUIDANCE
        ),
    ] = 0.4
    sg_scale: Annotated[
        float, typer.Option(min=0, max=10, metavar="X", help="Length of a step.", rich_help_panel=GUIDANCE)
    ] = 0.1
    sg_target: Annotated[
        GuidanceTarget, typer.Option(help="What is moved: text, latent or both.", rich_help_panel=GUIDANCE)
    ] = "text"
    sg_decoder: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="From latents to pictures: vae, the model's own; linear, a map that is fitted on renders; or the "
            "directory of an AutoencoderTiny.",
            rich_help_panel=GUIDANCE,
        ),
    ] = "vae"


@dataclass(frozen=True)
class LabellingOptions:
    """Who says what faces show.

    Attributes
    ----------
    annotator
        Weights: ``default``, a file, or a hub's id.
    rectify
        Whether labels follow the annotator, or its vote with the guide.
    min_confidence
        Faces with less are marked as dropped.
    """

    annotator: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Annotator for the model: default, or a file of train-anno.", rich_help_panel=LABELS
        ),
    ] = "default"
    rectify: Annotated[
        Rectify,
        typer.Option(
            help="Correct labels: none; anno, by the annotator; vote, by the annotator and the guide.",
            rich_help_panel=LABELS,
        ),
    ] = "none"
    min_confidence: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="X", help="Mark faces with less as dropped, with --rectify.", rich_help_panel=LABELS
        ),
    ] = 0.0
