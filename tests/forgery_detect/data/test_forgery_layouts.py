"""Every layout of real and forged media: labels, keys, splits, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.data.generators import FAMILIES, FORGERIES, describe
from vision_cli.forgery_detect.data.layouts.entries import split_by_key
from vision_cli.forgery_detect.data.layouts.tables import write_manifest
from vision_cli.forgery_detect.data.opening import join_manifests, open_media

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "forgery-detect"


def tree(root, *names):
    """Make files, with a byte each."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def by_name(manifest):
    return {medium.name: medium for medium in manifest.media}


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


YOUTUBE = "original_sequences/youtube/c23/videos/"
FAKES = "manipulated_sequences/"


def test_ffpp_has_pairs_splits_masks_and_persons(tmp_path):
    root = tree(
        tmp_path,
        YOUTUBE + "000.mp4",
        YOUTUBE + "003.mp4",
        YOUTUBE + "010.mp4",
        YOUTUBE + "._000.mp4",
        YOUTUBE + ".DS_Store",
        "original_sequences/youtube/c40/videos/000.mp4",
        FAKES + "Deepfakes/c23/videos/000_003.mp4",
        FAKES + "Deepfakes/masks/videos/000_003.mp4",
        FAKES + "NeuralTextures/c23/videos/003_000.mp4",
        FAKES + "FaceShifter/c23/frames/000_003/0001.png",
    )
    write_json(root / "train.json", [["000", "003"]])
    write_json(root / "test.json", [["010", "011"]])
    found = by_name(open_media(root))
    assert len(found) == 6
    fake = found[FAKES + "Deepfakes/c23/videos/000_003.mp4"]
    assert (fake.label, fake.generator, fake.forgery, fake.split) == (1, "Deepfakes", "swap", "train")
    assert fake.source == found[YOUTUBE + "000.mp4"].source == "FaceForensics++:000"
    assert fake.identities == ("FaceForensics++:000", "FaceForensics++:003")
    assert fake.mask == root / FAKES / "Deepfakes/masks/videos/000_003.mp4"
    other = found[FAKES + "NeuralTextures/c23/videos/003_000.mp4"]
    assert (other.forgery, other.split, other.source) == ("manipulation", "train", "FaceForensics++:003")
    frames = found[FAKES + "FaceShifter/c23/frames/000_003"]
    assert frames.path.is_dir()
    assert found[YOUTUBE + "010.mp4"].split == "test"
    assert len({medium.video for medium in found.values()}) == 6
    assert len(open_media(root, compression="c40").media) == 1
    assert {medium.split for medium in open_media(root, split="test").media} == {"test"}
    with pytest.raises(UsageError, match="no compression 'raw'; c23, c40 expected"):
        open_media(root, compression="raw")
    (root / "train.json").write_text('[["000"]]', encoding="utf-8")
    with pytest.raises(InputError, match=r"train\.json: no list of pairs"):
        open_media(root)


def test_actors_of_dfd_are_divided_by_person(tmp_path):
    root = tree(
        tmp_path,
        *(f"original_sequences/actors/c23/videos/{actor:02}__walking.mp4" for actor in range(1, 29)),
        *(
            f"manipulated_sequences/DeepFakeDetection/c23/videos/{a:02}_{a % 28 + 1:02}__walking__ABC.mp4"
            for a in range(1, 29)
        ),
    )
    media = open_media(root).media
    parts: dict[str, set] = {}
    for medium in media:
        for person in medium.identities:
            parts.setdefault(person, set()).add(medium.split)
    assert all(len(splits - {None}) == 1 for splits in parts.values())
    assert {medium.split for medium in media} >= {"train", "val", "test"}
    fake = by_name(open_media(root))["manipulated_sequences/DeepFakeDetection/c23/videos/03_04__walking__ABC.mp4"]
    assert fake.source == "DeepFakeDetection:03__walking"
    assert split_by_key("a") == split_by_key("a")


def test_one_means_real_in_the_list_of_celeb_df(tmp_path):
    root = tree(
        tmp_path,
        "Celeb-real/id0_0000.mp4",
        "Celeb-synthesis/id0_id1_0000.mp4",
        "Celeb-synthesis/id2_id1_0003.mp4",
        "YouTube-real/00170.mp4",
    )
    listed = root / "List_of_testing_videos.txt"
    listed.write_text(
        "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n1 Celeb-real/id9_0000.mp4\n", encoding="utf-8"
    )
    manifest = open_media(root)
    found = by_name(manifest)
    assert [(m.label, m.split) for m in found.values()] == [(0, "train"), (1, "test"), (1, "train"), (0, "test")]
    assert found["Celeb-synthesis/id0_id1_0000.mp4"].source == found["Celeb-real/id0_0000.mp4"].source
    assert found["Celeb-synthesis/id2_id1_0003.mp4"].identities == ("Celeb-DF:id2", "Celeb-DF:id1")
    assert manifest.skipped[0].name == "Celeb-real/id9_0000"
    assert {m.name for m in open_media(root, split="train").media}.isdisjoint(
        {m.name for m in open_media(root, split="test").media}
    )
    for line, error in [
        ("0 YouTube-real/00170.mp4", "calls .* fake; its folder says the other"),
        ("2 YouTube-real/00170.mp4", "line 1 is '2 YouTube"),
        ("1 ../../secret.mp4", "line 1 is"),
    ]:
        listed.write_text(line, encoding="utf-8")
        with pytest.raises(InputError, match=error):
            open_media(root)


def test_dfdc_names_originals_and_lacks_files(tmp_path):
    part = tree(tmp_path, "dfdc_train_part_0/a.mp4", "dfdc_train_part_0/b.mp4") / "dfdc_train_part_0"
    write_json(
        part / "metadata.json",
        {
            "a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
            "b.mp4": {"label": "REAL", "split": "train"},
            "c.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
            "../../d.mp4": {"label": "FAKE"},
        },
    )
    with pytest.raises(InputError, match=r"1 of 3 entries cannot be used, the first \.\./\.\./d\.mp4"):
        open_media(tmp_path)
    manifest = open_media(tmp_path, allow_skips=True)
    fake, real = manifest.media
    assert (fake.label, real.label, fake.source, real.source) == (1, 0, "DFDC:b", "DFDC:b")
    assert [(entry.name, entry.is_damage) for entry in manifest.skipped] == [
        ("dfdc_train_part_0/c.mp4", False),
        ("../../d.mp4", True),
    ]
    assert "1 listed files are absent." in manifest.notes
    test = tree(tmp_path / "other", "test/x.mp4", "test/y.mp4")
    (test / "test" / "labels.csv").write_text("filename,label\nx.mp4,1\ny.mp4,0\n", encoding="utf-8")
    assert [(m.label, m.split) for m in open_media(test).media] == [(1, "test"), (0, "test")]


def test_dfdcp_has_sets_methods_and_persons(tmp_path):
    root = tree(tmp_path, "method_A/1/1224068_1289683_A.mp4", "original_videos/1/1224068_C.mp4")
    write_json(
        root / "dataset.json",
        {
            "method_A/1/1224068_1289683_A.mp4": {"label": "fake", "set": "train"},
            "original_videos/1/1224068_C.mp4": {"label": "real", "set": "test"},
        },
    )
    fake, real = open_media(root).media
    assert (fake.generator, fake.split, real.split) == ("method_A", "train", "test")
    assert fake.identities == ("DFDCP:1224068", "DFDCP:1289683")
    assert real.identities == ("DFDCP:1224068",)


def test_genface_has_four_levels_of_labels(tmp_path):
    root = tree(
        tmp_path,
        "train/real/CelebA_HQ/1.jpg",
        "train/fake/EFS/Diffusion/latentdiffusion_1.jpg",
        "train/fake/EFS/Diffusion/colladiffusion_1.jpg",
        "test/fake/EFS/Diffusion/ddpm_1.jpg",
        "test/fake/FS/GAN/1_FSLSD.jpg",
        "test/fake/FS/GAN/1_FaceSwapper.jpg",
        "test/fake/AM/Diffusion/Diffae/1.jpg",
    )
    found = {m.generator: (m.forgery, m.family, m.split) for m in open_media(root).media}
    assert found == {
        "": ("", "", "train"),
        "LatDiff": ("synthesis", "diffusion", "train"),
        "CollDiff": ("synthesis", "diffusion", "train"),
        "DDPM": ("synthesis", "diffusion", "test"),
        "FSLSD": ("swap", "gan", "test"),
        "FaceSwapper": ("swap", "gan", "test"),
        "Diffae": ("manipulation", "diffusion", "test"),
    }


def index_of_deepfakebench():
    def videos(kind, *names):
        return {
            n: {"label": kind, "frames": [f"FaceForensics++\\{kind}\\{n}\\{i}.png" for i in range(2)]} for n in names
        }

    return {
        "FaceForensics++": {
            "FF-real": {"train": {"c23": videos("FF-real", "000"), "c40": videos("FF-real", "000")}},
            "FF-DF": {"train": {"c23": videos("FF-DF", "000_003")}},
            "FF-NT": {"test": {"c23": videos("FF-NT", "000_003")}},
        }
    }


def test_deepfakebench_keeps_manipulations_of_a_clip_apart(tmp_path):
    document = index_of_deepfakebench()
    names = [
        f"rgb/FaceForensics++/{kind}/{video}/{frame}.png"
        for kind, video in (("FF-real", "000"), ("FF-DF", "000_003"), ("FF-NT", "000_003"))
        for frame in range(2)
    ]
    root = tree(tmp_path, *names)
    write_json(root / "FaceForensics++.json", document)
    manifest = open_media(root / "FaceForensics++.json")
    assert manifest.layout == "dfb"
    assert len(manifest.media) == 6
    assert {m.video for m in manifest.media} == {
        f"FaceForensics++:{v}" for v in ("FF-real/000", "FF-DF/000_003", "FF-NT/000_003")
    }
    assert {m.source for m in manifest.media} == {"FaceForensics++:000"}
    assert {(m.generator, m.label) for m in manifest.media} == {("", 0), ("Deepfakes", 1), ("NeuralTextures", 1)}
    assert len(open_media(root / "FaceForensics++.json", compression="c40").media) == 2
    with pytest.raises(UsageError, match="no compression 'raw'; c23, c40 expected"):
        open_media(root / "FaceForensics++.json", compression="raw")


def test_df40_has_forgeries_alone_and_names_that_leave_the_folder_are_left_out(tmp_path):
    frames = [r"deepfakes\simswap\000_003\1.png", r"C:\secret\1.png", "../../secret.png"]
    root = tree(tmp_path, "rgb/deepfakes/simswap/000_003/1.png")
    write_json(
        root / "simswap_ff.json",
        {"simswap_ff": {"simswap_Fake": {"test": {"000_003": {"label": "fake", "frames": frames}}}}},
    )
    manifest = open_media(root / "simswap_ff.json", allow_skips=True)
    (medium,) = manifest.media
    assert (medium.domain, medium.generator, medium.forgery, medium.family) == (
        "FaceForensics++",
        "simswap",
        "swap",
        "gan",
    )
    assert medium.source == "FaceForensics++:000"
    assert len(manifest.skipped) == 2
    assert any("forgeries alone" in note for note in manifest.notes)


def test_dff_is_paired_by_name_and_wilddeepfake_has_sequences(tmp_path):
    dff = tree(tmp_path / "a", "wiki/00/1.jpg", "text2img/00/1.jpg", "inpainting/00/1.jpg", "insight/00/1.jpg")
    found = open_media(dff).media
    assert len({m.source for m in found}) == 1
    assert sorted((m.forgery, m.label) for m in found) == [("", 0), ("manipulation", 1), ("swap", 1), ("synthesis", 1)]
    wild = tree(
        tmp_path / "b",
        "real_train/1/real/5/0.png",
        "real_train/1/real/5/1.png",
        "fake_test/1/fake/9/0.png",
        "fake_test/1/fake/10/._0.png",
    )
    fake, real = open_media(wild).media
    assert (fake.name, fake.label, fake.split) == ("fake_test/1/fake/9", 1, "test")
    assert (real.name, real.label, real.split) == ("real_train/1/real/5", 0, "train")
    assert fake.source != real.source


def test_folders_name_generators_and_leave_empty_files_out(tmp_path):
    root = tree(
        tmp_path / "faces",
        *(f"train/real/{number}.jpg" for number in range(30)),
        "train/fake/StyleGAN2/1.png",
        "test/fake/SD-2.1/clip/0001.png",
        "test/fake/SD-2.1/clip/0002.png",
        "test/fake/SD-2.1/.DS_Store",
        "test/1_fake/x.mp4",
    )
    (root / "train" / "fake" / "empty.jpg").touch()
    manifest = open_media(root)
    found = by_name(manifest)
    assert found["train/fake/StyleGAN2/1.png"].family == "gan"
    assert found["test/1_fake/x.mp4"].generator == "faces"
    clip = [m for m in manifest.media if m.generator == "SD-2.1"]
    assert len(clip) == 2
    assert len({m.video for m in clip}) == 1
    assert clip[0].forgery == "synthesis"
    assert [(entry.name, entry.reason) for entry in manifest.skipped] == [("train/fake/empty.jpg", "it is empty")]
    with pytest.raises(InputError, match=r"empty\.jpg: it is empty"):
        open_media(root, strict=True)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_manifest_that_is_written_is_read_as_it_was(tmp_path, suffix):
    root = tree(tmp_path, YOUTUBE + "000.mp4", FAKES + "Deepfakes/c23/videos/000_003.mp4")
    write_json(root / "train.json", [["000", "003"]])
    manifest = open_media(root)
    for place in (root, root / "elsewhere"):
        write_manifest(place / f"m{suffix}", manifest)
        assert open_media(place / f"m{suffix}").media == manifest.media
    with pytest.raises(ValueError, match=r"m\.txt: \.csv or \.jsonl expected"):
        write_manifest(root / "m.txt", manifest)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ("a.png,maybe", "row 1 has the label 'maybe'; real, fake, 0 or 1 expected"),
        ("a.png,real\na.png,fake", r"row 2 repeats a\.png of row 1"),
        ("../a.png,real", r"row 1 names '\.\./a\.png'; a path below the manifest expected"),
        ("a.png,real,somewhere", "row 1 has the split 'somewhere'"),
        ("a.png,real,,morph", "row 1 has forgery 'morph'"),
        ("b.png,real", r"1 of 1 entries|no medium"),
    ],
)
def test_faults_of_manifests_are_said(tmp_path, rows, error):
    tree(tmp_path, "a.png")
    (tmp_path / "m.csv").write_text(f"path,label,split,forgery\n{rows}\n", encoding="utf-8")
    with pytest.raises(InputError, match=error):
        open_media(tmp_path / "m.csv")


def test_a_short_manifest_gets_what_follows(tmp_path):
    tree(tmp_path, "a.png", "b.png")
    (tmp_path / "m.csv").write_text(
        "path;label;generator;identities;source\na.png;1;SDXL;p1;b\nb.png;;;p1, p2;\n", encoding="utf-8"
    )
    first, second = open_media(tmp_path / "m.csv").media
    domain = tmp_path.name
    assert (first.forgery, first.family, first.source) == ("synthesis", "diffusion", f"{domain}:b")
    assert (second.label, second.source) == (None, f"{domain}:b.png")
    (tmp_path / "m.jsonl").write_text('{"path": "a.png", "label": 0}\n[]\n', encoding="utf-8")
    with pytest.raises(InputError, match="row 2 is no JSON object"):
        open_media(tmp_path / "m.jsonl")


def test_what_is_no_data_set_is_said(tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"no known layout of a data set\. Looked for manifest: .*folders:"):
        open_media(tmp_path / "nothing")
    with pytest.raises(InputError, match="no such file or folder"):
        open_media(tmp_path / "absent")
    with pytest.raises(UsageError, match="layout 'ffp'"):
        open_media(tmp_path / "nothing", "ffp")
    with pytest.raises(UsageError, match="split 'dev'"):
        open_media(tmp_path / "nothing", split="dev")
    with pytest.raises(InputError, match="no medium of the layout folders"):
        open_media(tmp_path / "nothing", "folders")
    with pytest.raises(InputError, match="a folder; a manifest expected"):
        open_media(tmp_path / "nothing", "manifest")
    tree(tmp_path, "a.txt")
    with pytest.raises(InputError, match="a file; the folder of the layout folders expected"):
        open_media(tmp_path / "a.txt", "folders")


def test_joined_sets_keep_their_names_apart(tmp_path):
    parts = [open_media(tree(tmp_path / name, "real/1.png", "fake/1.png")) for name in "ab"]
    joined = join_manifests(parts)
    assert [medium.name for medium in joined.media] == ["1/fake/1.png", "1/real/1.png", "2/fake/1.png", "2/real/1.png"]
    assert len({medium.source for medium in joined.media}) == 4
    assert join_manifests(parts[:1]) is parts[0]
    with pytest.raises(ValueError, match="no manifest"):
        join_manifests([])


def test_names_of_generators_are_known_however_they_are_written():
    assert describe("StyleGAN-XL") == ("synthesis", "gan")
    assert describe("simswap_ff") == ("swap", "gan")
    assert describe("Face2Face") == ("manipulation", "")
    assert describe("something new") == ("", "")
    kinds = list(FORGERIES.values())
    assert not kinds[0] & kinds[1] | kinds[0] & kinds[2] | kinds[1] & kinds[2]
    assert not frozenset.intersection(*FAMILIES.values())


def test_real_trees_are_read():
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data/forgery-detect")
    mini = open_media(SHARED / "ffpp-mini")
    assert [sum(m.label == label for m in mini.media) for label in (0, 1)] == [3, 4]
    reals = {m.source for m in mini.media if m.label == 0}
    assert sum(m.source in reals for m in mini.media if m.label == 1) == 3
    crops = open_media(SHARED / "ffpp-crops")
    assert (crops.layout, len(crops.media), {m.source for m in crops.media}) == (
        "ffpp-crops",
        5,
        {"FaceForensics++:000"},
    )
    assert len(open_media(SHARED / "stylegan2-ffhq").media) == 210
