"""What a user names: files, folders and lists."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.finding import find_media


@pytest.fixture
def tree(tmp_path):
    for name in ("a/one.png", "a/b/one.mp4", "a/b/two.JPG", "a/.hidden/x.png", "a/._two.jpg", "a/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "a" / "empty.png").touch()
    return tmp_path


def test_a_folder_gives_its_pictures_and_videos(tree):
    found = find_media([tree / "a"])
    assert [(one.name, one.is_video) for one in found] == [("b/one", True), ("b/two", False), ("one", False)]


def test_names_stay_unique_over_several_inputs(tree):
    (tree / "c").mkdir()
    (tree / "c" / "one.png").write_bytes(b"x")
    found = find_media([tree / "a" / "one.png", tree / "c" / "one.png", tree / "a" / "b"])
    assert [one.name for one in found] == ["one.png", "one.png-2", "b/one", "b/two"]


def test_pictures_that_differ_in_their_ending_keep_it(tree):
    (tree / "a" / "one.jpg").write_bytes(b"x")
    assert [one.name for one in find_media([tree / "a"])] == ["b/one", "b/two", "one.jpg", "one.png"]


def test_a_list_names_files_below_its_folder(tree):
    path = tree / "a" / "list.txt"
    path.write_text("b/two.JPG\n\none.png\n", encoding="utf-8")
    assert [one.name for one in find_media([path])] == ["b/two", "one"]
    elsewhere = tree / "elsewhere.txt"
    elsewhere.write_text(f"{tree / 'a' / 'one.png'}\na/../a/one.png\na/one.png", encoding="utf-8")
    assert [one.name for one in find_media([elsewhere])] == ["one.png", "one.png-2", "a/one"]
    for entry in ("b/none.png", "b", "\0", "x" * 5000):
        path.write_text(f"\none.png\n\n{entry}\n", encoding="utf-8")
        with pytest.raises(InputError, match=r"line 4: .*no such file"):
            find_media([path])
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="an empty list"):
        find_media([path])


def test_a_folder_without_media_is_refused(tree, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="neither pictures nor videos"):
        find_media([tmp_path / "nothing"])
    with pytest.raises(InputError, match="no such file"):
        find_media([tmp_path / "missing.png"])
