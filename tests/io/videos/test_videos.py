"""Videos: what is written is read, at the times that the file says, upright, and as far as it is whole."""

from __future__ import annotations

import resource
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.videos.picture_times import picture_times
from vision_cli.io.videos.videos import CODECS, CONTAINERS, VideoReader, VideoWriter, encode_and_decode


def moving_square(count=20, size=(48, 64)):
    frames = np.full((count, *size, 3), (40, 90, 160), np.uint8)
    for k in range(count):
        frames[k, 10:26, k : k + 16] = (200, 60, 30)
    return frames


def write(path, frames, *, codec="h264", fps=30.0, times=None, **settings):
    with VideoWriter(path, frames.shape[1:3], codec=codec, fps=fps, **settings) as writer:
        for k, frame in enumerate(frames):
            writer.write(frame, None if times is None else times[k])
    return path


def read(path, **settings):
    with VideoReader(path, **settings) as video:
        frames = list(video)
    return np.stack([f.pixels for f in frames]), np.array([f.time_s for f in frames]), video


@pytest.mark.parametrize("codec", CODECS)
def test_frames_and_times_come_back(tmp_path, codec):
    frames = moving_square()
    pixels, times, video = read(write(tmp_path / f"v{CONTAINERS[codec]}", frames, codec=codec))
    assert pixels.shape == frames.shape
    np.testing.assert_allclose(times, np.arange(20) / 30, atol=1e-3)
    error = np.abs(pixels.astype(int) - frames).mean()
    assert error == 0 if codec in {"ffv1", "raw"} else error < 4
    assert video.damage is None
    assert video.info.fps == pytest.approx(30, rel=0.01)


def test_times_are_those_of_the_file_not_of_its_rate(tmp_path):
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.08, 20))
    path = write(tmp_path / "v.mp4", moving_square(), times=times)
    np.testing.assert_allclose(read(path)[1], times - times[0], atol=2e-4)


def test_a_given_rate_replaces_the_times(tmp_path):
    path = write(tmp_path / "v.mp4", moving_square())
    np.testing.assert_allclose(read(path, fps=15)[1], np.arange(20) / 15)


def test_a_rate_that_no_camera_has_is_refused(tmp_path):
    path = write(tmp_path / "v.mp4", moving_square())
    with pytest.raises(UsageError, match=r"--fps: 0 found; 0\.5 to 1000 frames a second expected"):
        VideoReader(path, fps=0)


def test_a_file_that_was_cut_off_gives_what_is_left_and_says_so(tmp_path):
    path = write(tmp_path / "v.avi", moving_square(60), codec="mjpeg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    pixels, _, video = read(path)
    assert 10 < len(pixels) < 50
    assert video.damage is not None
    assert video.damage.startswith(f"cannot decode after frame {len(pixels)}")


def test_an_mp4_without_its_index_is_refused(tmp_path):
    path = write(tmp_path / "v.mp4", moving_square(60))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"v\.mp4: cannot decode after frame 0"):
        VideoReader(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "empty; a video expected"),
        (b"no video at all" * 50, "cannot decode after frame 0"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, content, message):
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        VideoReader(path)


@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile other.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
    ],
    ids=["concat", "hls"],
)
def test_a_list_of_other_files_is_no_video(tmp_path, content):
    with VideoWriter(tmp_path / "other.mp4", (16, 16), codec="mpeg4", fps=10) as writer:
        for _ in range(5):
            writer.write(np.full((16, 16, 3), 90, np.uint8))
    assert VideoReader(tmp_path / "other.mp4").info.frames == 5
    (tmp_path / "list.mp4").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="cannot decode after frame 0"):
        VideoReader(tmp_path / "list.mp4")


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(InputError, match="no video in this file"):
        VideoReader(path)


def with_pixel_format(path, pixel_format, encoder="ffv1"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        for image in moving_square(5):
            for packet in stream.encode(
                av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)
            ):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def test_gray_video_says_that_it_has_no_colours(tmp_path):
    pixels, _, video = read(with_pixel_format(tmp_path / "v.mkv", "gray"))
    assert video.info.is_gray
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "gbrp10le", "bgra"])
def test_deep_and_transparent_pixels_are_read_as_eight_bits(tmp_path, pixel_format):
    pixels, _, video = read(with_pixel_format(tmp_path / "v.mkv", pixel_format))
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - moving_square(5)).mean() < 4
    assert any("8 bits" in note for note in video.info.notes) == ("10" in pixel_format)


def test_a_portrait_recording_is_turned_upright(tmp_path):
    path = write(tmp_path / "v.mp4", moving_square())
    # The matrix of the track header, in fixed point: a quarter turn, as phones write it.
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    turn = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30], dtype=">i4").tobytes()
    content[at : at + 36] = turn
    path.write_bytes(content)
    pixels = read(path)[0]
    assert pixels.shape[1:3] == (64, 48)
    expected = np.rot90(moving_square()[0], -1)
    assert np.abs(pixels[0].astype(int) - expected).mean() < 4


def test_pictures_are_a_video_sorted_by_number(tmp_path):
    frames = moving_square(12)
    for k, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"img{k + 1}.png"), frame[..., ::-1])
    pixels, times, _ = read(tmp_path, fps=25)
    np.testing.assert_array_equal(pixels, frames)
    np.testing.assert_allclose(times, np.arange(12) / 25)
    with pytest.raises(InputError, match=r"no time stamps in the names of the pictures, as img1\.png"):
        VideoReader(tmp_path)


def test_time_stamps_in_names_are_times(tmp_path):
    stamps = [1392643993642815000 + k * 33_000_000 for k in range(4)]
    paths = [tmp_path / f"Image{stamp}.png" for stamp in stamps]
    np.testing.assert_allclose(picture_times(paths, None), np.arange(4) * 0.033)


def test_a_damaged_picture_ends_the_video(tmp_path):
    for k, frame in enumerate(moving_square(4)):
        cv2.imwrite(str(tmp_path / f"{k}.png"), frame)
    (tmp_path / "2.png").write_bytes(b"no picture")
    pixels, _, video = read(tmp_path, fps=30)
    assert len(pixels) == 2
    assert video.damage == "cannot decode after frame 2 (2.png is no whole picture)"


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures in this folder"):
        VideoReader(tmp_path)


def test_odd_sizes_are_refused_where_the_codec_halves_colours(tmp_path):
    with pytest.raises(UsageError, match="frames of 63 x 48 pixels; even numbers expected for h264"):
        VideoWriter(tmp_path / "v.mp4", (48, 63), codec="h264", fps=30)


def test_a_codec_keeps_the_picture_and_loses_detail():
    frames = moving_square(10)
    fine, coarse = (encode_and_decode(frames, "mpeg4", fps=30, quantiser=q) for q in (2, 20))
    errors = [np.abs(one.astype(int) - frames).mean() for one in (fine, coarse)]
    assert fine.shape == frames.shape
    assert errors[0] < errors[1] < 12


def test_memory_does_not_grow_with_the_video(tmp_path):
    path = write(tmp_path / "v.mp4", moving_square(20, (240, 320)).repeat(15, axis=0), times=np.arange(300) / 30)
    program = (
        "import resource, sys; from pathlib import Path; from vision_cli.io.videos.videos import VideoReader\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with VideoReader(Path(sys.argv[1])) as video:\n"
        "    for frame in video:\n"
        "        if frame.index == 30: before = peak()\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, check=True, text=True)
    # 270 frames of 320 x 240 are 60 MiB.
    assert int(done.stdout) < 20_000


def test_frames_that_become_too_large_for_the_memory_end_a_video(tmp_path, monkeypatch):
    jpegs = [cv2.imencode(".jpg", np.full((side, side, 3), 90, np.uint8))[1] for side in (64,) * 9 + (2000,) * 9]
    path = tmp_path / "x.avi"
    path.write_bytes(b"".join(one.tobytes() for one in jpegs))
    for room, frames in ((1 << 30, 18), (20 << 20, 9)):
        monkeypatch.setattr("vision_cli.io.videos.videos.available_memory", lambda room=room: room)
        with VideoReader(path, fps=25) as video:
            assert len(list(video)) == frames
            assert video.damage is None if frames == 18 else "cannot decode after frame 9" in video.damage


def test_a_video_that_the_disk_refuses_is_no_video(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    size = write(tmp_path / "whole.mp4", frames).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(tmp_path / "cut.mp4", frames)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
