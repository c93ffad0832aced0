"""What ``list`` lists."""

from __future__ import annotations

from typing import Literal

from vision_cli.core.command.console import Table
from vision_cli.enhance_eval.data.opening import LAYOUTS
from vision_cli.enhance_eval.methods.learned.architectures import ARCHITECTURES
from vision_cli.enhance_eval.methods.registry import CLASSICAL, DEFAULT_METHODS
from vision_cli.enhance_eval.pipeline.tasks.decoders import RECIPES
from vision_cli.enhance_eval.quality.table import DEFAULT_MEASURES, MEASURES


def listed(what: Literal["methods", "measures", "datasets", "decoders"]) -> Table:
    """Return a table of names with what they mean."""
    match what:
        case "methods":
            rows: list[tuple[object, ...]] = [
                (name, name in DEFAULT_METHODS, _parameters(entry.defaults), entry.summary, entry.source)
                for name, entry in CLASSICAL.items()
            ]
            rows += [
                (name, name in DEFAULT_METHODS, _parameters(entry.defaults), entry.summary, entry.source)
                for name, entry in ARCHITECTURES.items()
            ]
            return Table(("method", "default", "parameters", "what", "source"), rows)
        case "measures":
            return Table(
                ("measure", "default", "needs", "larger is better", "unit", "what", "source"),
                [
                    (
                        one.name,
                        one.name in DEFAULT_MEASURES,
                        one.needs,
                        one.larger_is_better,
                        one.unit,
                        one.summary,
                        one.source,
                    )
                    for one in MEASURES.values()
                ],
            )
        case "datasets":
            return Table(("layout", "what is looked for"), [(one.name, one.expects) for one in LAYOUTS])
        case "decoders":
            return Table(
                ("decoder", "input", "resized by", "channels"),
                [(name, "x".join(map(str, one.size[::-1])), one.fit, one.order) for name, one in RECIPES.items()],
            )


def _parameters(defaults: object) -> str:
    return ", ".join(f"{key}={value}" for key, value in dict(defaults).items())  # type: ignore[call-overload]
