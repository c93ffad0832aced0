"""What a job may use is read as Slurm reads it, and no processor of this machine is given to two parts."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.housekeeping.submit.resources import (
    Resources,
    Share,
    parse_memory,
    parse_minutes,
    parse_scheduler_arg,
    share_machine,
)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("1:30", 2),
        ("4:00:00", 240),
        ("0:00:30", 1),
        ("1-0", 1440),
        ("1-12:30", 2190),
        ("2-00:00:01", 2881),
    ],
)
def test_times_are_those_of_slurm(text, minutes):
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5", "1-", "x-1", "0"])
def test_other_times_are_refused(text):
    with pytest.raises(UsageError, match=r"--time: .* found"):
        parse_minutes(text)


@pytest.mark.parametrize(("text", "gigabytes"), [("16G", 16), ("16GB", 16), ("512M", 0.5), ("2048", 2), ("1.5t", 1536)])
def test_memory_is_read_with_its_unit(text, gigabytes):
    assert parse_memory(text) == gigabytes


@pytest.mark.parametrize("text", ["", "much", "16X", "-1G", "0"])
def test_other_memory_is_refused(text):
    with pytest.raises(UsageError, match=r"--mem: .* found"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("nodelist=n1", ("nodelist", "n1")),
        ("--gres=gpu:a100:2", ("gres", "gpu:a100:2")),
        ("exclusive", ("exclusive", None)),
        ("comment=a=b c", ("comment", "a=b c")),
    ],
)
def test_other_options_of_sbatch_are_taken_with_and_without_dashes(text, parsed):
    assert parse_scheduler_arg(text) == parsed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "NAME=VALUE or NAME expected"),
        ("-x", "NAME=VALUE or NAME expected"),
        ("Node=1", "NAME=VALUE or NAME expected"),
        ("comment=a\nrm x", "NAME=VALUE or NAME expected"),
        ("partition=long", "partition found; it has an option"),
        ("--time=5", "time found; it has an option"),
        ("output=log.txt", "output found; submit sets it itself"),
        ("signal=TERM@10", "signal found; submit sets it itself"),
    ],
)
def test_what_submit_has_or_sets_itself_is_no_other_option(text, message):
    with pytest.raises(UsageError, match=message):
        parse_scheduler_arg(text)


@pytest.mark.parametrize(
    ("parts", "cpus", "memory_gb", "share"),
    [
        (8, None, None, Share(8, 2)),
        (3, None, None, Share(3, 5)),
        (40, None, None, Share(16, 1)),
        (1, None, None, Share(1, 16)),
        (40, 4, None, Share(4, 4)),
        (40, 5, None, Share(3, 5)),
        (2, 4, None, Share(2, 4)),
        (40, 32, None, Share(1, 32)),
        (40, None, 8.0, Share(3, 5)),
        (40, None, 100.0, Share(1, 16)),
    ],
)
def test_parts_share_the_processors_and_the_memory_of_a_machine(parts, cpus, memory_gb, share):
    resources = Resources(minutes=1, cpus=cpus, memory_gb=memory_gb)
    assert share_machine(parts, resources, cores=16, memory_gb=30.0) == share
