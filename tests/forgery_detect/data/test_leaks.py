"""What training and test parts share."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.leaks import find_leaks, require_no_leaks
from vision_cli.forgery_detect.values import Manifest, Medium


def medium(tmp_path, name, content=None, **known):
    path = tmp_path / name
    path.write_text(name if content is None else content, encoding="utf-8")
    return Medium(path, name, 0, **known)


def part(*media):
    return Manifest("test", media)


def test_every_kind_of_leak_is_found(tmp_path):
    same = medium(tmp_path, "same.png")
    train = part(
        same,
        medium(tmp_path, "a.png", "equal"),
        medium(tmp_path, "b.png", video="v"),
        medium(tmp_path, "c.png", source="s"),
        medium(tmp_path, "d.png", identities=("p", "q")),
    )
    test = part(
        same,
        medium(tmp_path, "e.png", "equal"),
        medium(tmp_path, "f.png", video="v"),
        medium(tmp_path, "g.png", source="s"),
        medium(tmp_path, "h.png", identities=("q",)),
        medium(tmp_path, "i.png", "other", video="w", source="t", identities=("r",)),
    )
    leaks = find_leaks(train, test)
    assert [(leak.kind, leak.train, leak.test) for leak in leaks] == [
        ("file", "same.png", "same.png"),
        ("content", "a.png", "e.png"),
        ("video", "b.png", "f.png"),
        ("source", "c.png", "g.png"),
        ("person", "d.png", "h.png"),
    ]
    assert [leak.kind for leak in find_leaks(train, test, contents=False)].count("content") == 0


def test_a_folder_of_the_same_frames_is_found(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"frame")
    leaks = find_leaks(part(Medium(tmp_path / "a", "a")), part(Medium(tmp_path / "b", "b")))
    assert [leak.kind for leak in leaks] == ["content"]


def test_five_leaks_are_listed_unless_they_are_allowed(tmp_path):
    train = part(*(medium(tmp_path, f"a{n}.png", source=f"s{n}") for n in range(7)))
    test = part(*(medium(tmp_path, f"b{n}.png", source=f"s{n}") for n in range(7)))
    with pytest.raises(
        InputError, match=r"share 7 sources; none expected: source s0 .*source s4 [^;]*; \.\.\."
    ) as error:
        require_no_leaks(train, test)
    assert "s5" not in error.value.message
    assert len(require_no_leaks(train, test, allow_leak=True)) == 7
    assert require_no_leaks(train, part(medium(tmp_path, "c.png"))) == ()
