"""Shards divide the work: every item once, no shard longer than another by more than one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import UsageError
from vision_cli.core.shards.shards import Shard, find_shards, parse_shard


@given(items=st.lists(st.integers()), count=st.integers(1, 12))
def test_shards_make_up_the_whole_and_are_balanced(items, count):
    parts = [Shard(index, count).take(list(enumerate(items))) for index in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == list(enumerate(items))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all(part == sorted(part) for part in parts)


@given(index=st.integers(1, 99), more=st.integers(0, 99))
def test_a_named_part_is_read(index, more):
    assert parse_shard(f"{index}/{index + more}") == Shard(index, index + more)


def test_without_the_option_the_work_is_not_divided():
    assert parse_shard(None, {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}) is None


@pytest.mark.parametrize("text", ["", "3", "3/", "/8", "1.0/2", "-1/2", "3 of 8", "Auto"])
def test_other_words_are_refused(text):
    with pytest.raises(UsageError, match=r"--shard: .* found; I/N, as in 3/16, auto or auto/N expected"):
        parse_shard(text)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0"])
def test_a_part_outside_the_whole_is_refused(text):
    with pytest.raises(UsageError, match=r"part \d found; 1 to \d expected"):
        parse_shard(text)


@pytest.mark.parametrize(
    ("environ", "index", "count"),
    [
        ({"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "7"}, 1, 8),
        (
            {
                "SLURM_ARRAY_TASK_ID": "9",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_MAX": "13",
                "SLURM_ARRAY_TASK_STEP": "4",
                "SLURM_ARRAY_TASK_COUNT": "4",
            },
            3,
            4,
        ),
        ({"SGE_TASK_ID": "2", "SGE_TASK_FIRST": "2", "SGE_TASK_LAST": "6", "SGE_TASK_STEPSIZE": "2"}, 1, 3),
        ({"LSB_JOBINDEX": "4", "LSB_JOBINDEX_END": "6", "LSB_JOBINDEX_STEP": "1"}, 4, 6),
        ({"LSB_JOBINDEX": "5", "LSB_JOBINDEX_END": "9", "LSB_JOBINDEX_STEP": "2"}, 3, 5),
    ],
    ids=["SLURM", "SLURM with steps", "SGE with steps", "LSF", "LSF with steps"],
)
def test_auto_reads_the_array_of_a_scheduler(environ, index, count):
    assert parse_shard("auto", environ) == Shard(index, count)


@given(first=st.integers(0, 5), step=st.integers(1, 4), count=st.integers(1, 9))
def test_the_tasks_of_an_array_are_all_the_shards(first, step, count):
    tasks = range(first, first + step * count, step)
    environs = [
        {
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_ARRAY_TASK_MIN": str(tasks[0]),
            "SLURM_ARRAY_TASK_MAX": str(tasks[-1]),
            "SLURM_ARRAY_TASK_STEP": str(step),
        }
        for task in tasks
    ]
    assert [parse_shard("auto", environ) for environ in environs] == [
        Shard(index, count) for index in range(1, count + 1)
    ]


def test_an_array_with_gaps_is_refused_and_not_divided_wrongly():
    environ = {
        "SLURM_ARRAY_TASK_ID": "7",
        "SLURM_ARRAY_TASK_MIN": "1",
        "SLURM_ARRAY_TASK_MAX": "7",
        "SLURM_ARRAY_TASK_COUNT": "3",
    }
    with pytest.raises(UsageError, match="part 7 found; 1 to 3 expected"):
        parse_shard("auto", environ)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "no array variable of SLURM, PBS, SGE or LSF found"),
        ({"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "0"}, "no array variable"),
        ({"PBS_ARRAY_INDEX": "3"}, "PBS task 3 found; the number of tasks expected"),
        ({"PBS_ARRAYID": "3"}, "PBS task 3 found; the number of tasks expected"),
        ({"SLURM_ARRAY_TASK_ID": "3"}, "SLURM task 3 of None to an unknown end found"),
        ({"LSB_JOBINDEX": "3"}, "LSF task 3 of 1 to an unknown end found"),
    ],
)
def test_auto_refuses_what_it_cannot_know(environ, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_shard("auto", environ)
    assert "--shard" in caught.value.hint


@pytest.mark.parametrize(
    "environ",
    [
        {"PBS_ARRAY_INDEX": "3"},
        {"PBS_ARRAYID": "3"},
        {"SGE_TASK_ID": "3", "LSB_JOBINDEX": "0"},
        {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_COUNT": "2"},
    ],
)
def test_a_given_count_takes_the_number_of_the_task(environ):
    assert parse_shard("auto/8", environ) == Shard(3, 8)


@pytest.mark.parametrize("environ", [{}, {"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "0"}])
def test_a_given_count_needs_an_array(environ):
    with pytest.raises(UsageError, match=r"--shard auto/N: no array variable"):
        parse_shard("auto/8", environ)


def test_a_task_beyond_the_given_count_is_refused():
    with pytest.raises(UsageError, match="part 9 found; 1 to 8 expected"):
        parse_shard("auto/8", {"PBS_ARRAYID": "9"})


def test_a_part_says_where_it_comes_from():
    assert str(Shard(2, 3)) == "part 2 of 3"
    slurm = {"ID": "14", "MIN": "10", "MAX": "18", "STEP": "4", "COUNT": "3"}
    found = parse_shard("auto", {f"SLURM_ARRAY_TASK_{name}": value for name, value in slurm.items()})
    assert str(found) == "part 2 of 3, from SLURM task 14 of 10 to 18 by 4"
    assert str(parse_shard("auto/8", {"PBS_ARRAYID": "3"})) == "part 3 of 8, from PBS_ARRAYID=3"


def test_shard_folders_are_found_in_their_order(tmp_path):
    for name in ("shard-10-of-10", "shard-2-of-10", "shard-1-of-2", "shard-3-of-2", "shard-x-of-2", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "shard-2-of-2").touch()
    assert list(find_shards(tmp_path)) == [Shard(1, 2), Shard(2, 10), Shard(10, 10)]
    assert find_shards(tmp_path)[Shard(2, 10)] == tmp_path / Shard(2, 10).directory
    assert find_shards(tmp_path / "absent") == {}
