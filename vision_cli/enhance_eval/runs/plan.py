"""What a run does, from its options: data set, conditions, methods, measures, task models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.data.night_scenes import night_scenes
from vision_cli.enhance_eval.data.opening import open_dataset
from vision_cli.enhance_eval.methods.building import build_method, input_files, licence_notice
from vision_cli.enhance_eval.methods.specs import MethodSpec, parse_methods
from vision_cli.enhance_eval.options import RunOptions
from vision_cli.enhance_eval.pipeline.cells import Bench, Ready
from vision_cli.enhance_eval.pipeline.darkness.conditions import parse_condition
from vision_cli.enhance_eval.pipeline.scores import NONE
from vision_cli.enhance_eval.pipeline.tasks.builtin import load_classifier, load_detector
from vision_cli.enhance_eval.pipeline.tasks.models import open_classifier, open_detector
from vision_cli.enhance_eval.pipeline.tasks.predictions import ReadyDetections
from vision_cli.enhance_eval.quality.table import brisque_measure, choose_measures, niqe_measure
from vision_cli.enhance_eval.values import Classifier, Dataset, Detections, Detector

GENERATED = "night-scenes"
"""Layout of the data set that is generated where none is given."""

SCENES, QUICK_SCENES = 120, 24
GENERATED_CONDITIONS = ("paper", "ev-2", "ev-4", "ev-6")
AS_IS = "as-is"


@dataclass(frozen=True)
class Plan:
    """A run that is ready to begin.

    Attributes
    ----------
    dataset
        The samples.
    bench
        What each of them goes through.
    classes
        That boxes and labels point to: of the data set, or of the detector with protocol ``consistency``.
    notes
        What was left out, mapped or is under a licence.
    """

    dataset: Dataset
    bench: Bench
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def method_specs(options: RunOptions, dataset: Dataset | None = None) -> tuple[MethodSpec, ...]:
    """Return the methods of a run, ``none`` first, with the enhanced folders that a data set brings along."""
    specs = parse_methods(options.methods)
    if not any(spec.text == NONE for spec in specs):
        specs = (*parse_methods(NONE), *specs)
    siblings = {} if dataset is None else dataset.enhanced
    added = [replace(parse_methods(f'dir:"{folder}"')[0], text=name) for name, folder in siblings.items()]
    return (*specs, *added)


def method_files(options: RunOptions) -> list[Path]:
    """Return the files that the methods and task models of a run read, for its record."""
    found = [path for spec in method_specs(options) for path in input_files(spec)]
    models = (options.detector, options.classifier)
    return found + [Path(text.split(":")[1]) for text in models if text.startswith("onnx:")]


def require_known_words(options: RunOptions) -> None:
    """Refuse unknown conditions, measures and methods before a run begins.

    Raises
    ------
    UsageError
        If there are any.
    """
    for name in options.conditions:
        parse_condition(name, full_well=options.full_well, read_noise=options.read_noise, jpeg=options.jpeg)
    choose_measures(options.measures, "--measures")
    method_specs(options)


def open_data(data: Path | None, options: RunOptions, seed: int) -> Dataset:
    """Return the data set of a run: the user's, or generated scenes.

    Raises
    ------
    UsageError, InputError
        As `vision_cli.enhance_eval.data.opening.open_dataset`.
    """
    if data is not None:
        return open_dataset(
            data,
            options.layout,
            split=options.split,
            limit=options.limit or (QUICK_SCENES if options.quick else None),
            reference_dir=options.reference,
            strict=options.strict,
        )
    if options.layout not in ("auto", GENERATED):
        raise UsageError(f"--layout {options.layout}: no data.", hint="Give the folder of the data set.")
    return night_scenes(options.limit or (QUICK_SCENES if options.quick else SCENES), seed, "test")


def make_plan(dataset: Dataset, options: RunOptions, *, seed: int, device: str, threads: int) -> Plan:
    """Return the run of a data set: methods are built, models opened, files read.

    Raises
    ------
    UsageError
        If options contradict each other or the data set.
    InputError, MissingError
        If a model or checkpoint is damaged or not there.
    """
    generated = dataset.layout == GENERATED
    names = options.conditions or (GENERATED_CONDITIONS if generated else (AS_IS,))
    camera = {"full_well": options.full_well, "read_noise": options.read_noise}
    conditions = [parse_condition(name, jpeg=options.jpeg, **camera) for name in names]
    specs = method_specs(options, dataset)
    measures = [*choose_measures(options.measures, "--measures")]
    if options.niqe_params is not None:
        measures.append(niqe_measure(options.niqe_params))
    if options.brisque_model is not None and options.brisque_range is not None:
        measures.append(brisque_measure(options.brisque_model, options.brisque_range))
    wanted = options.tasks if options.tasks is not None else _tasks_of(dataset, options, generated=generated)
    classes, notes = dataset.classes, list(dataset.notes)
    detector: Detector | None = None
    ready: Ready | None = None
    if "det" in wanted:
        opened = open_detector(
            options.detector,
            builtin=lambda: load_detector("default", device),
            classes=classes if classes and options.protocol == "frozen" else None,
            device=device,
            threads=threads,
        )
        if isinstance(opened, ReadyDetections):
            ready = _ready(opened, dataset)
        else:
            detector = opened
            classes = tuple(opened.classes)
            notes += getattr(opened, "notes", tuple)()
    classifier: Classifier | None = None
    if "cls" in wanted:
        classifier = open_classifier(
            options.classifier,
            builtin=lambda: load_classifier("default", device),
            classes=classes,
            device=device,
            threads=threads,
        )
        notes += getattr(classifier, "notes", tuple)()
    notes += [notice for spec in specs if (notice := licence_notice(spec)) is not None]
    unit = options.cls_unit or ("crop" if _labels_are_of_boxes(dataset) else "image")
    methods = [build_method(spec, device=device) for spec in specs]
    bench = Bench(conditions, methods, measures, detector, classifier, ready, unit, options.protocol, seed)
    return Plan(dataset, bench, classes, tuple(dict.fromkeys(notes)))


def _tasks_of(dataset: Dataset, options: RunOptions, *, generated: bool) -> tuple[str, ...]:
    """Return the tasks that a data set has annotations for and a model of its classes is at hand for."""
    has_boxes = any(sample.boxes is not None for sample in dataset.samples)
    has_labels = any(sample.label is not None for sample in dataset.samples)
    if options.protocol == "consistency":
        return ("det",)
    detects = has_boxes and (generated or options.detector != "builtin")
    classifies = (has_labels or has_boxes) and (generated or options.classifier != "builtin")
    return (("cls",) if classifies else ()) + (("det",) if detects else ())


def _labels_are_of_boxes(dataset: Dataset) -> bool:
    return all(sample.label is None for sample in dataset.samples)


def _ready(opened: ReadyDetections, dataset: Dataset) -> Ready:
    places = {sample.name: place for place, sample in enumerate(dataset.samples)}

    @cache
    def read(condition: str, method: str) -> Sequence[Detections]:
        return opened.read(condition, method, dataset.samples)[0]

    return lambda condition, method, name: read(condition, method)[places[name]]
