"""From the options of a command to classes that are ready to be searched for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.compute.weights import ResolvedWeights, resolve_weights
from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.core.samples import find_sample
from vision_cli.fewshot_seg.data.naming import DEFAULT_CLASS, NamedSupport, parse_supports
from vision_cli.fewshot_seg.data.opening import open_dataset
from vision_cli.fewshot_seg.data.supports import read_support
from vision_cli.fewshot_seg.options import MethodOptions, SupportOptions, WeightOptions
from vision_cli.fewshot_seg.pipeline.methods import ClassRecipe, stored_side
from vision_cli.fewshot_seg.pipeline.tiles import object_size, prepare_supports, tile_for
from vision_cli.fewshot_seg.pipeline.weight_files import SHIPPED, Method, read_method
from vision_cli.fewshot_seg.values import Support

_ON_WEIGHTS, _ON_ENCODER = ("tap", "tavp"), ("persam", "proto")
_SMALL_PX = 16
_NO_WEIGHTS = Method(None, None)


@dataclass(frozen=True)
class OpenedMethod:
    """Network and gate with what a run records of them.

    Attributes
    ----------
    weights
        Network and gate.
    facts
        Fields for ``run.json``.
    warning
        Why it is not the whole method; None where it is.
    """

    weights: Method
    facts: Mapping[str, object]
    warning: str | None = None

    def record_in(self, run: Run) -> None:
        """Record weights and warning in a run."""
        run.record(**self.facts)
        if self.warning is not None:
            run.warn(self.warning)


def open_method(options: WeightOptions, methods: tuple[str, ...], *, device: str) -> OpenedMethod:
    """Return network and gate for some methods.

    Parameters
    ----------
    options
        Weights and the checkpoint of SAM.
    methods
        Those that will be used; weights that none of them needs are not loaded.
    device
        Where the network is computed.

    Raises
    ------
    UsageError
        If weights and checkpoint do not fit.
    MissingError
        If weights that were asked for are not there.
    InputError
        If a file is damaged.
    """
    sam = options.sam_checkpoint
    if not set(methods) & {*_ON_WEIGHTS, *_ON_ENCODER}:
        return OpenedMethod(_NO_WEIGHTS, {"weights": None})
    if sam is not None and options.weights == "default":
        if set(methods) & set(_ON_WEIGHTS):
            raise UsageError(
                "--sam-checkpoint without --weights: tap and tavp need weights that were trained on this encoder.",
                hint="Train them with `train --preset sam`, or use --method persam or proto.",
            )
        return _on_sam(sam, device, options.cache_dir)
    try:
        resolved = resolve_weights(options.weights, "fewshot-seg", SHIPPED)
    except MissingError:
        if options.weights != "default" or methods != ("tap",):
            raise
        return OpenedMethod(
            _NO_WEIGHTS,
            {"weights": None, "method": "pixel-only"},
            "the shipped weights are missing: the pixels alone decide, by a rule that needs no training.",
        )
    weights = read_method(resolved.path, device=device, sam=sam, cache=options.cache_dir)
    return OpenedMethod(weights, {"weights": _facts(resolved, sam)})


def _facts(resolved: ResolvedWeights, sam: Path | None) -> dict[str, str]:
    found = {"path": str(resolved.path), "sha256": resolved.sha256}
    return found if sam is None else found | {"sam_checkpoint": str(sam)}


def _on_sam(sam: Path, device: str, cache: Path | None) -> OpenedMethod:
    from vision_cli.core.runs.files import sha256
    from vision_cli.fewshot_seg.pipeline.frames import Frame
    from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork
    from vision_cli.fewshot_seg.pipeline.sam_checkpoints import load_sam_checkpoint

    network, variant = load_sam_checkpoint(sam)
    digest = sha256(sam)
    frame = Frame(network.backbone.image_size, pads=True)
    loaded = LoadedNetwork(network.requires_grad_(False).to(device), variant, frame, digest, cache)
    return OpenedMethod(Method(loaded, None), {"weights": {"sam_checkpoint": str(sam), "sha256": digest}})


def read_classes(options: SupportOptions, output: Output) -> dict[str, list[Support]]:
    """Return the supports by class, as they were given; which share of each is the class is said.

    Raises
    ------
    UsageError
        If there are none.
    InputError
        If a file is damaged, or no support of a class shows it.
    """
    classes: dict[str, list[Support]] = {}
    for one in _named(options):
        read = read_support(
            one.picture,
            one.mask,
            class_id=options.class_id,
            class_name=options.class_name,
            inverted=options.invert,
            name=one.picture.name,
        )
        output.info(f"{one.class_name}: {read}")
        classes.setdefault(one.class_name, []).append(read.support)
    if options.support_dir is not None:
        dataset = open_dataset(options.support_dir, options.layout, split="all")
        for note in dataset.notes:
            output.info(note)
        named = {options.class_name} if options.class_name in dataset.classes else set(dataset.classes)
        for name, pairs in dataset.classes.items():
            for pair in pairs if name in named else ():
                support = pair.read()
                output.info(f"{name}: {support.name}: {support.mask.mean():.2%} is the class")
                classes.setdefault(name, []).append(support)
    if not classes:
        raise UsageError(
            "no support; a picture with a mask of the class expected.",
            hint="Give --support IMG:MASK, --support-dir DIR or --task FILE; --sample needs none of them.",
        )
    for name, supports in classes.items():
        if all(one.is_negative for one in supports):
            raise InputError(f"class {name}: every mask is empty; one with the class expected.")
    return classes


def make_recipe(
    name: str, supports: list[Support], options: MethodOptions, weights: Method, *, seed: int, output: Output
) -> ClassRecipe:
    """Return what a class is learned from; says if it is small, and how it is searched for then."""
    wanted = options.loading.tile
    tile = tile_for(supports, None if wanted is None else int(wanted))
    if tile is not None and wanted is None:
        output.info(f"{name}: small in its supports; searched for in squares of {tile} px")
    elif tile is None:
        smallest = max(object_size(one) for one in supports)
        if smallest < _SMALL_PX:
            output.warn(f"{name}: {smallest:.0f} px large as the method sees it; details may be lost. See --tile.")
    shown = prepare_supports(supports, tile=tile, most=stored_side(weights))
    return ClassRecipe(name, tuple(shown), options.method, seed, tile)


def _named(options: SupportOptions) -> tuple[NamedSupport, ...]:
    default = options.class_name or DEFAULT_CLASS
    return parse_supports(options.support or [], options.negative or [], default=default)


def input_files(options: SupportOptions, tasks: list[Path] | None) -> dict[str, list[Path]]:
    """Return the files that a class is learned from, by role."""
    named = _named(options)
    found = {
        "support": [one.picture for one in named],
        "mask": [one.mask for one in named if one.mask is not None],
        "task": list(tasks or []),
    }
    return {role: paths for role, paths in found.items() if paths}


def bundled_sample() -> tuple[SupportOptions, list[str]]:
    """Return the supports of the bundled sample, and its queries."""
    files = find_sample("fewshot-seg").files
    support = f"{files['support']}:{files['mask']}"
    queries = [str(path) for role, path in files.items() if role.startswith("query")]
    return SupportOptions(support=[support], class_name="lesion"), queries
