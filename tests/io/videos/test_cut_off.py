"""Containers that are shorter than they state."""

from __future__ import annotations

import av
import numpy as np
import pytest

from vision_cli.io.videos.cut_off import missing_bytes
from vision_cli.io.videos.videos import VideoReader


def write(path, *, codec="mpeg4", count=60, options=None):
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=30, width=64, height=48, pix_fmt="yuv420p")
        stream.gop_size = 10
        for _ in range(count):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
LIVE = {"live": "1"}
CUT = [("a.mkv", None), ("a.mkv", LIVE), ("a.mp4", FRAGMENTED), ("a.avi", None)]


def frames_and_damage(path):
    with VideoReader(path) as video:
        return sum(1 for _ in video), video.damage


WHOLE = [*CUT, *((f"a.{suffix}", None) for suffix in ("mov", "ts", "3gp", "flv"))]


@pytest.mark.parametrize(("name", "options"), WHOLE)
def test_a_whole_file_misses_nothing(tmp_path, name, options):
    path = write(tmp_path / name, options=options, codec="flv1" if name == "a.flv" else "mpeg4")
    assert missing_bytes(path) == 0
    assert frames_and_damage(path) == (60, None)


@pytest.mark.parametrize(("name", "options"), CUT)
def test_a_file_that_was_cut_off_says_so(tmp_path, name, options):
    path = write(tmp_path / name, options=options)
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * len(whole) // 3 + 200])
    assert missing_bytes(path) > 0
    count, damage = frames_and_damage(path)
    assert 20 < count < 50
    assert damage.startswith(f"cannot decode after frame {count}")


def test_the_duration_of_a_file_without_its_end_is_said(tmp_path):
    path = write(tmp_path / "a.mkv", count=90)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    _, damage = frames_and_damage(path)
    assert " of 3.0 s, " in damage
    assert "bytes are missing at the end" in damage


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf\xa3", b"\x00" * 40, b"RIFF\x00", b"\x00\x00\x00\x18ftypmp42"])
def test_what_is_no_container_states_nothing_or_a_missing_end(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    assert missing_bytes(path) == 0
