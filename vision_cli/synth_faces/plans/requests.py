"""From the options of ``generate`` to the samples that are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.options.generating import GenerateOptions
from vision_cli.synth_faces.plans.action_units import au_name, conflicts, parse_aus
from vision_cli.synth_faces.plans.labels import BASIC8, parse_labels
from vision_cli.synth_faces.plans.plan import LABEL_FIELD, LabelPlan, Wanted, control_series, one_line, read_plan
from vision_cli.synth_faces.plans.seeds import sample_seed, word_seed

SAMPLE_PEOPLE = 6

_SEEDS = 2.0**63
_MOST_WARNINGS = 5


def wanted_samples(options: GenerateOptions, seed: int) -> Sequence[Wanted]:
    """Return the samples that the options ask for.

    Raises
    ------
    UsageError
        If options exclude each other, or a label or an action unit is unknown.
    InputError
        If the plan cannot be read.
    """
    others = {"--count": options.count, "--per-label": options.per_label, "--labels": options.labels}
    others |= {"--au": options.aus, "--prompt": options.prompt}
    given = [name for name, value in others.items() if value is not None]
    if options.series is not None:
        if given or options.plan is not None:
            raise UsageError(f"--series with {given[0] if given else '--plan'}; one of them expected.")
        names = [au_name(word) for word in options.series.split(",") if word.strip()]
        if not names:
            raise UsageError("--series names no action unit; one or more expected.", hint="Such as --series 1,4,12.")
        return control_series(tuple(dict.fromkeys(names)), seed, repeats=options.repeats)
    if options.plan is not None:
        if given:
            raise UsageError(f"--plan with {given[0]}; one of them expected.", hint="The plan has columns for it.")
        return _with_free(read_plan(options.plan, seed), options.free_share, seed)
    if options.count is not None and options.per_label is not None:
        raise UsageError("--count with --per-label; one of them expected.")
    aus = parse_aus(options.aus) if options.aus is not None else {}
    prompt = one_line(options.prompt or "")
    if options.labels is None and (aus or prompt) and LABEL_FIELD not in prompt:
        if options.per_label is not None:
            name = "--au" if aus else "--prompt"
            raise UsageError(f"--per-label with {name} and no label; --count expected.")
        return tuple(
            Wanted(number, sample_seed(seed, number), sample_seed(seed, number, "person"), aus=aus, prompt=prompt)
            for number in range(options.count or 0)
        )
    labels = BASIC8 if options.labels is None else parse_labels(options.labels)
    count = options.count if options.per_label is None else options.per_label * len(labels)
    return _with_free(LabelPlan(labels, count or 0, seed, aus=aus, prompt=prompt), options.free_share, seed)


def sample_plan(seed: int) -> tuple[Wanted, ...]:
    """Return the samples of ``--sample``: the eight basic expressions, each of the same six people."""
    people = [word_seed(seed, f"sample {number}") for number in range(SAMPLE_PEOPLE)]
    return tuple(
        Wanted(index := row * SAMPLE_PEOPLE + column, sample_seed(seed, index), person, label)
        for row, label in enumerate(BASIC8)
        for column, person in enumerate(people)
    )


def warnings_of(wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Return a sentence on each kind of conflict among the action units that are asked for; at most five."""
    asked = {tuple(one.aus.items()): one.aus for one in wanted if one.aus}
    return tuple(dict.fromkeys(sentence for aus in asked.values() for sentence in conflicts(aus)))[:_MOST_WARNINGS]


def _with_free(plan: Sequence[Wanted], share: float, seed: int) -> Sequence[Wanted]:
    """Return a plan of which a share, chosen by the numbers of the samples, asks for nothing."""
    if share <= 0:
        return plan
    return tuple(
        replace(one, label=None, aus={}, prompt="") if sample_seed(seed, one.index, "free") < share * _SEEDS else one
        for one in plan
    )
