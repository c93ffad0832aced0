"""The probes find what does not work, and not only that a library is there."""

from __future__ import annotations

import av
import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.housekeeping.doctor import probes
from vision_cli.io.points import clouds as pointclouds
from vision_cli.io.points import pcd
from vision_cli.io.videos import videos


def test_formats_of_videos_and_scans_are_written_and_read_back():
    results = probes.probe_formats()
    assert {kind: results[kind] for kind in ("MP4", "PLY", "PCD")} == {"MP4": None, "PLY": None, "PCD": None}


def test_a_reader_that_returns_other_points_is_found(monkeypatch):
    write = pcd.write_pcd
    monkeypatch.setattr(pcd, "write_pcd", lambda path, points: write(path, points + 1))
    results = probes.probe_formats()
    assert results["PCD"] == "read back with other values"
    assert results["PLY"] is None


def test_a_video_that_is_read_otherwise_is_found(monkeypatch):
    upright = videos._upright
    monkeypatch.setattr(videos, "_upright", lambda *frame: 255 - upright(*frame))
    assert probes.probe_formats()["MP4"] == "read back with other values"
    assert probes.probe_codecs()["MPEG-4"] == "decoded with other values"


def test_a_codec_without_decoder_and_one_without_encoder_are_told_apart(monkeypatch):
    codec, create = av.codec.Codec, av.CodecContext.create

    def without_hevc(name, mode):
        if name == "hevc":
            raise ValueError(name)
        return codec(name, mode)

    class Contexts:
        @staticmethod
        def create(name, mode):
            if (name, mode) == ("h264", "w"):
                raise ValueError(name)
            return create(name, mode)

    monkeypatch.setattr(av.codec, "Codec", without_hevc)
    monkeypatch.setattr(av, "CodecContext", Contexts)
    results = probes.probe_codecs()
    assert results["HEVC"] == "no decoder"
    assert results["H.264"] == "not tried, as nothing was encoded (ValueError)"
    assert results["MPEG-4"] is None


def test_open3d_is_imported_with_the_library_that_it_needs(monkeypatch):
    calls = []
    monkeypatch.setattr(pointclouds, "import_open3d", lambda: calls.append("libusb first"))
    assert probes.probe_import("open3d")["seconds"] >= 0
    assert calls == ["libusb first"]

    def fail():
        raise MissingError("open3d cannot be imported (libX11.so.6).", hint="Install libx11-6.")

    monkeypatch.setattr(pointclouds, "import_open3d", fail)
    with pytest.raises(SystemExit, match=r"open3d cannot be imported \(libX11.so.6\)\. Install libx11-6\."):
        probes.probe_import("open3d")


def test_frames_of_the_probe_move():
    frames = probes._smooth_frames()
    assert frames.dtype == np.uint8
    assert len(np.unique(frames[:, 0, 0, 0])) > 1
