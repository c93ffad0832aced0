"""Data sets of pictures and frames: GenFace, DeepFakeFace (DFF), WildDeepfake, folders ``real/`` and ``fake/``."""

from __future__ import annotations

import re
from pathlib import Path

from vision_cli.forgery_detect.data.layouts.entries import (
    FAKE,
    REAL,
    Entries,
    frame_folders,
    is_video_file,
    label_of,
    media_below,
    split_of,
)
from vision_cli.forgery_detect.values import Family, Forgery, Manifest, Medium
from vision_cli.io.pictures.folders import Request, folders_in

GENFACE_KINDS: dict[str, Forgery] = {"EFS": "synthesis", "AM": "manipulation", "FS": "swap"}
_GENFACE_FAMILIES: dict[str, Family] = {"Diffusion": "diffusion", "GAN": "gan"}
_GENFACE_STARTS = {"latentdiffusion_": "LatDiff", "colladiffusion_": "CollDiff", "ddpm_": "DDPM"}
_GENFACE_ENDS = {"_FSLSD": "FSLSD", "_FaceSwapper": "FaceSwapper"}

_DFF: dict[str, tuple[str, Forgery, Family]] = {
    "wiki": ("", "", ""),
    "text2img": ("text2img", "synthesis", "diffusion"),
    "inpainting": ("inpainting", "manipulation", "diffusion"),
    "insight": ("InsightFace", "swap", "gan"),
}
_WILD = re.compile(r"(real|fake)_(train|test)")
_WORDS = {
    "real": REAL,
    "0_real": REAL,
    "reals": REAL,
    "original": REAL,
    "fake": FAKE,
    "1_fake": FAKE,
    "fakes": FAKE,
    "generated": FAKE,
}
_A_CLIP = 2
"""Folders between the label and a picture from which it is a frame: the generator's and the clip's."""


def is_genface(path: Path) -> bool:
    """Return whether a folder, or a part in it, has forgeries in ``EFS``, ``AM`` or ``FS``."""
    return any((root / "fake" / kind).is_dir() for root in _roots(path) for kind in GENFACE_KINDS)


def read_genface(path: Path, request: Request) -> Manifest:
    """Read ``{train,val,test}/{real/SET,fake/{EFS,AM,FS}/{Diffusion,GAN}}/`` (Zhang et al. 2024).

    The generator is in the names of files, at their beginning or end, or the folder below the family.
    """
    entries = Entries("genface", request)
    for root in _roots(path):
        split = split_of(root.name) if root != path else None
        for file in media_below(root / "real"):
            entries.take(Medium(file, file.relative_to(path).as_posix(), REAL, "GenFace", split=split))
        for file in media_below(root / "fake"):
            name = file.relative_to(path).as_posix()
            kind, *rest = file.relative_to(root / "fake").parts
            family = _GENFACE_FAMILIES.get(rest[0], "") if len(rest) > 1 else ""
            if kind not in GENFACE_KINDS or not family:
                entries.skip(name, "no folder of GenFace's kinds and families")
                continue
            generator = _genface_generator(file.stem) or (rest[1] if len(rest) > 2 else f"{kind}-{rest[0]}")
            entries.take(Medium(file, name, FAKE, "GenFace", generator, GENFACE_KINDS[kind], family, split=split))
    return entries.manifest()


def is_dff(path: Path) -> bool:
    """Return whether a folder has ``wiki`` and one of the forgeries of DeepFakeFace."""
    return (path / "wiki").is_dir() and any((path / name).is_dir() for name in _DFF if name != "wiki")


def read_dff(path: Path, request: Request) -> Manifest:
    """Read ``{wiki,text2img,inpainting,insight}/`` (Song et al. 2023); equal names below them have one source."""
    entries = Entries("dff", request)
    entries.note("Forgeries were paired with the picture of wiki of the same name.")
    for folder, (generator, forgery, family) in _DFF.items():
        for file in media_below(path / folder):
            key = file.relative_to(path / folder).with_suffix("").as_posix()
            entries.take(
                Medium(
                    file,
                    file.relative_to(path).as_posix(),
                    FAKE if generator else REAL,
                    "DeepFakeFace",
                    generator,
                    forgery,
                    family,
                    source=f"DeepFakeFace:{key}",
                )
            )
    return entries.manifest()


def is_wilddeepfake(path: Path) -> bool:
    """Return whether a folder has ``{real,fake}_{train,test}``."""
    return path.is_dir() and any(_WILD.fullmatch(folder.name) for folder in folders_in(path))


def read_wilddeepfake(path: Path, request: Request) -> Manifest:
    """Read ``{real,fake}_{train,test}/N/{real,fake}/M/*.png`` (Zi et al. 2020): a folder of frames a face sequence."""
    entries = Entries("wilddeepfake", request)
    for part in folders_in(path):
        match = _WILD.fullmatch(part.name)
        if match is None:
            continue
        for video in folders_in(part):
            inner = [folder for folder in folders_in(video) if label_of(folder.name) is not None] or [video]
            for sequence in [sequence for folder in inner for sequence in frame_folders(folder)]:
                word = sequence.parent.name if sequence.parent != video else match.group(1)
                label = label_of(word)
                entries.take(
                    Medium(
                        sequence,
                        sequence.relative_to(path).as_posix(),
                        label,
                        "WildDeepfake",
                        "WildDeepfake" if label == FAKE else "",
                        source=f"WildDeepfake:{part.name}/{video.name}",
                        split=split_of(match.group(2)),
                    )
                )
    return entries.manifest()


def is_folders(path: Path) -> bool:
    """Return whether a folder, or a part in it, has a folder of real or fake media."""
    return any(folder.name.lower() in _WORDS for root in _roots(path) for folder in folders_in(root))


def read_folders(path: Path, request: Request) -> Manifest:
    """Read ``[SPLIT/]{real,fake}/[GENERATOR/]...``; the data set's name is that of the folder.

    A picture two folders or more below its label is a frame of the clip that its folder is.
    """
    entries = Entries("folders", request)
    domain = path.resolve().name
    frames = 0
    for root in _roots(path):
        split = split_of(root.name) if root != path else None
        for folder in folders_in(root):
            label = _WORDS.get(folder.name.lower())
            if label is None:
                if root != path or split_of(folder.name) is None:
                    entries.skip(folder.relative_to(path).as_posix(), "a folder real or fake expected", is_damage=False)
                continue
            for file in media_below(folder):
                below = file.relative_to(folder).parts[:-1]
                is_frame = len(below) >= _A_CLIP and not is_video_file(file)
                frames += is_frame
                video = f"{domain}:{file.parent.relative_to(path).as_posix()}" if is_frame else ""
                generator = (below[0] if below else domain) if label == FAKE else ""
                name = file.relative_to(path).as_posix()
                entries.take(Medium(file, name, label, domain, generator, video=video, source=video, split=split))
    if frames:
        entries.note(f"{frames} pictures lie two folders or more below their label: frames of clips, a folder a clip.")
    return entries.manifest()


def _roots(path: Path) -> list[Path]:
    """Return the folders of the parts of a data set; itself where there are none."""
    if not path.is_dir():
        return []
    parts = [folder for folder in folders_in(path) if split_of(folder.name) is not None]
    return parts or [path]


def _genface_generator(stem: str) -> str:
    starts = (name for start, name in _GENFACE_STARTS.items() if stem.lower().startswith(start))
    ends = (name for end, name in _GENFACE_ENDS.items() if stem.lower().endswith(end.lower()))
    return next(starts, "") or next(ends, "")
