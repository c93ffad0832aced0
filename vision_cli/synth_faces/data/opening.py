"""Any data set of faces by its folder or file: the layout is recognised, or it is said what was looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Findings, Request
from vision_cli.io.pictures.layouts import AUTO, Layout, choose_layout
from vision_cli.io.pictures.left_out import require_few_skipped
from vision_cli.synth_faces.data.layouts import (
    affectnet,
    ckplus,
    ferplus,
    fetext,
    generated,
    rafdb,
    recordings,
    tables,
    trees,
)
from vision_cli.synth_faces.values import FaceDataset


def open_faces(
    path: Path,
    layout: str = AUTO,
    *,
    split: str | None = None,
    strict: bool = False,
    allow_skips: bool = False,
    plain: bool = False,
) -> FaceDataset:
    """Read a data set; its pictures are read later, when they are asked for.

    Parameters
    ----------
    path
        Its folder, or a table.
    layout
        Name of its layout, or ``auto``.
    split
        ``train``, ``val``, ``test`` or ``all``; by default ``test`` where there is such a part, else ``val``.
    strict
        Whether an entry that is missing or damaged is an error.
    allow_skips
        Whether more than 5 % of such entries are accepted.
    plain
        Whether ``auto`` also takes a picture, or any folder of pictures, as faces of which nothing is known.

    Raises
    ------
    UsageError
        If there is no such layout or part.
    InputError
        If the layout is not recognised, its files are damaged, nothing in it can be used, or too much of it cannot.
    """
    require_there(path)
    request = Request(split, Findings(strict))
    layouts = (*LAYOUTS, replace(LAYOUTS[-1], recognises=trees.has_pictures)) if plain else LAYOUTS
    chosen = choose_layout(layouts, path, layout, hint="Give the folder that holds these, or name a layout.")
    if path.is_file() and chosen.name not in _OF_FILES:
        raise InputError(f"{path}: a file; the folder of the layout {chosen.name} expected.", hint="Give its folder.")
    found = chosen.read(path, request)
    if not found.faces:
        first = f" First left out: {found.skipped[0].name}, {found.skipped[0].reason}." if found.skipped else ""
        raise InputError(
            f"{path}: no face of the layout {found.layout} can be used, {len(found.skipped)} left out.{first}",
            hint="Repair the data set, or name another layout.",
        )
    require_few_skipped(path, found.skipped, len(found.faces), allow_skips=allow_skips)
    return found


def require_there(*paths: Path) -> None:
    """Refuse data sets that are not there, before a run begins.

    Raises
    ------
    InputError
        If one is not.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder.", hint="Give the folder of a data set.")


_OF_FILES = frozenset({"generated", "csv", "au-table", "pictures"})


def _only_by_name(_: Path) -> bool:
    return False


LAYOUTS: tuple[Layout[FaceDataset], ...] = (
    Layout("generated", "manifest.{jsonl,csv,parquet} of a run", generated.is_generated, generated.read_generated),
    Layout("webdataset", "*.tar and classes.json", generated.is_webdataset, generated.read_webdataset),
    Layout("affectnet", "{train,val}_set/{images,annotations}/", affectnet.is_affectnet, affectnet.read_affectnet),
    Layout(
        "affectnet-csv",
        "training.csv with subDirectory_filePath, Manually_Annotated_Images/",
        affectnet.is_affectnet_table,
        affectnet.read_affectnet_table,
    ),
    Layout(
        "affectnet-repack", "labels.csv with relFCs", affectnet.is_affectnet_repack, affectnet.read_affectnet_repack
    ),
    Layout("rafdb", "basic/EmoLabel/list_patition_label.txt", rafdb.is_rafdb, rafdb.read_rafdb),
    Layout("rafdb-repack", "{train,test}/{1..7}/", rafdb.is_rafdb_repack, rafdb.read_rafdb_repack),
    Layout("rafau", "a .txt of lines as 0001.jpg 1+4+25", rafdb.is_rafau, rafdb.read_rafau),
    Layout("ferplus", "fer2013.csv and fer2013new.csv", ferplus.is_ferplus, ferplus.read_ferplus),
    Layout(
        "ferplus-folders",
        "FER2013{Train,Valid,Test}/label.csv",
        ferplus.is_ferplus_folders,
        ferplus.read_ferplus_folders,
    ),
    Layout("ckplus", "cohn-kanade-images/ and Emotion/ or FACS/", ckplus.is_ckplus, ckplus.read_ckplus),
    Layout("disfa", "ActionUnit_Labels/", recordings.is_disfa, recordings.read_disfa),
    Layout("bp4d", "AU_OCC/", recordings.is_bp4d, recordings.read_bp4d),
    Layout("bp4d-intensity", "AU_INT/, only by its name", _only_by_name, recordings.read_bp4d_intensity),
    Layout("fetext", "images/ and captions.json or fau_labels.json", fetext.is_fetext, fetext.read_fetext),
    Layout(
        "fetext-parquet", "data/*.parquet with image and caption", fetext.is_fetext_parquet, fetext.read_fetext_parquet
    ),
    Layout("portraits", "{neutral,smiling}/PERSON_NN.jpg", trees.is_portraits, trees.read_portraits),
    Layout("sfew", "{Train,Val}/{Angry,...,Surprise}/", trees.is_sfew, trees.read_sfew),
    Layout("imagefolder", "<class>/ or {train,val,test}/<class>/", trees.is_imagefolder, trees.read_imagefolder),
    Layout("csv", "a .csv with a file and a label a row", tables.is_csv, tables.read_csv),
    Layout("au-table", "a .csv of OpenFace, py-feat or LibreFace", tables.is_au_table, tables.read_au_faces),
    Layout("pictures", "a picture or any folder of pictures, without labels", _only_by_name, trees.read_pictures),
)
"""All layouts, the more special ones first."""
