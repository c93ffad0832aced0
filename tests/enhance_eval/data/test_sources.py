from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.io.pictures.photographs import write_photograph

RAMP = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (4, 256, 3)).copy()


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 257)])
def test_both_depths_give_one_picture(tmp_path, dtype, factor):
    write_photograph(tmp_path / "a.png", RAMP.astype(dtype) * factor)
    found = FileSource(tmp_path / "a.png").read()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 1], np.arange(256) / 255, atol=1e-7)


def test_light_is_that_of_srgb(tmp_path):
    write_photograph(tmp_path / "a.png", RAMP)
    light = FileSource(tmp_path / "a.png").read_linear()[0, :, 0]
    assert light[0] == 0
    assert light[255] == 1
    # 119 is the grey of 18 %, by IEC 61966-2-1.
    assert light[119] == pytest.approx(0.1845, abs=1e-4)
    assert (np.diff(light) > 0).all()


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match=r"a\.png: damaged, cut short or not an image .it is empty"):
        FileSource(tmp_path / "a.png").read()
