"""A resumed search reads its finished candidates, and ends as an uninterrupted one."""

from __future__ import annotations

import math

import pytest
import torch

from tests.kan_fit.fits import QUICK, compute_only, problem
from vision_cli.core.errors import InputError
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.runs.checkpoints import CandidateCheckpoints
from vision_cli.kan_fit.tables.selection import SWAPPED, search


@pytest.mark.slow
def test_a_resumed_search_reads_what_was_finished_and_ends_the_same(tmp_path):
    data = problem("kinkchirp", 300)
    whole = search(data, [(2,)], QUICK, CandidateCheckpoints(tmp_path / "whole"))

    class Killed(Exception):
        pass

    def killed(name, compute):
        if name.endswith(SWAPPED):
            raise Killed
        return CandidateCheckpoints(tmp_path / "part")(name, compute)

    with pytest.raises(Killed):
        search(data, [(2,)], QUICK, killed)
    computed = []
    stages = CandidateCheckpoints(tmp_path / "part")

    def watched(name, compute):
        return stages(name, lambda: (computed.append(name), compute())[1])

    resumed = search(data, [(2,)], QUICK, watched)
    assert computed[0].split()[1] == SWAPPED
    assert resumed.final.score == whole.final.score
    assert [c.score for c in resumed.candidates] == [c.score for c in whole.candidates]
    assert resumed.choices == whole.choices
    with torch.no_grad():
        assert torch.equal(resumed.final.network(data.x_val), whole.final.network(data.x_val))


def test_a_search_that_is_out_of_time_ends_with_the_best_so_far(tmp_path):
    stages = CandidateCheckpoints(tmp_path, budget_s=1e-9)
    found = search(problem("kinkchirp", 300), [(2,)], QUICK, stages)
    assert found.is_cut_short
    assert list(stages.seconds) == ["2-2-1 bspline, coarse"]
    assert math.isfinite(found.final.score)
    whole = search(
        problem("xy", 100),
        [()],
        SearchOptions(pool=("cheby",), refine=(5,), steps=2),
        CandidateCheckpoints(tmp_path / "w"),
    )
    assert not whole.is_cut_short


def test_damaged_stages_are_said(tmp_path):
    stages = CandidateCheckpoints(tmp_path)
    candidate = search(
        problem("xy", 100), [()], SearchOptions(pool=("cheby",), refine=(5,), steps=2), compute_only
    ).best
    stages("a", lambda: (candidate, ()))
    (tmp_path / "stages" / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json: damaged"):
        stages("a", lambda: (candidate, ()))
