"""Tables of mean colours are read as clips without pictures."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rppg_adapt.conftest import make_traces
from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.data.traces import read_traces
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip


def test_a_table_of_a_finger_is_read_by_its_one_channel(tmp_path):
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(0.02, 0.05, 900))
    traces, wave = make_traces(64, times=times, flicker=0)
    rows = np.column_stack([np.rint(1000 * times), traces[:, 0] - 3 * wave, np.zeros(900), np.zeros(900)])
    np.savetxt(tmp_path / "ppg.csv", rows, delimiter=",", header="time,R,G,B", comments="")
    clip = read_traces(tmp_path / "ppg.csv")
    assert clip.notes == ("the red channel alone was read",)
    assert estimate_from_clip(clip, PulseOptions(), None).bpm == pytest.approx(64, abs=0.7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,R,G\n0,1,2\n", r"one for blue \(b or blue\) expected too"),
        ("time,R,G,B\n0,1,2,x\n", "numbers expected"),
        ("time,R,G,B\n0,1,2,3\n0.1,1,2,3\n", r"0\.1 s of traces found; 5 s or more expected"),
    ],
)
def test_tables_that_are_no_traces_are_refused(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_traces(tmp_path / "t.csv")
