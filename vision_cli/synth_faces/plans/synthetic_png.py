"""PNG files that say that their picture is synthetic, in chunks of text (PNG specification, section 11.3)."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import write_bytes
from vision_cli.synth_faces.values import Picture

SYNTHETIC = "synthetic"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_KEY = 79
_LONGEST_TEXT = 1 << 20
_COMPRESSION = 4


def synthetic_png(picture: Picture, facts: Mapping[str, object]) -> bytes:
    """Return a picture as the bytes of a PNG file with ``synthetic=true`` and more facts as text.

    Parameters
    ----------
    picture
        ``(H, W, 3)`` uint8.
    facts
        Text by name, such as the model and the seed.

    Raises
    ------
    ValueError
        If a name is empty, too long or no ASCII, or the array is no picture.
    """
    from PIL import Image, PngImagePlugin

    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype.name != "uint8":
        raise ValueError(f"{picture.dtype} array of shape {picture.shape}; (H, W, 3) uint8 expected")
    texts = PngImagePlugin.PngInfo()
    for name, fact in {SYNTHETIC: "true", **facts}.items():
        if not 0 < len(name) <= _LONGEST_KEY or not name.isascii() or not name.isprintable():
            raise ValueError(f"name {name!r} of a text; 1 to {_LONGEST_KEY} printable ASCII characters expected")
        text = str(fact)
        if text.isascii():
            texts.add_text(name, text)
        else:
            texts.add_itxt(name, text)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", pnginfo=texts, compress_level=_COMPRESSION)
    return stream.getvalue()


def write_synthetic_png(path: Path, picture: Picture, facts: Mapping[str, object]) -> None:
    """Write `synthetic_png` whole or not at all.

    Raises
    ------
    ValueError
        As `synthetic_png`.
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    write_bytes(path, synthetic_png(picture, facts))


def read_synthetic_facts(path: Path) -> dict[str, str]:
    """Return the texts of a PNG file by name; ``synthetic`` is among them where it was marked so.

    Packed texts are passed over.

    Raises
    ------
    InputError
        If it is no PNG file or is cut short.
    """
    found: dict[str, str] = {}
    try:
        with path.open("rb") as stream:
            if stream.read(len(_SIGNATURE)) != _SIGNATURE:
                raise InputError(f"{path}: no PNG file; one expected.", hint="Other formats carry no such mark.")
            while len(head := stream.read(8)) == 8:
                length, kind = struct.unpack(">I4s", head)
                if kind == b"IEND":
                    return found
                if kind in {b"tEXt", b"iTXt"} and length <= _LONGEST_TEXT:
                    content = stream.read(length)
                    stream.seek(4, io.SEEK_CUR)
                    if (text := _text(kind, content)) is not None:
                        found[text[0]] = text[1]
                else:
                    stream.seek(length + 4, io.SEEK_CUR)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    raise InputError(f"{path}: cut short; a whole PNG file expected.", hint="Copy the file again.")


def is_synthetic(path: Path) -> bool:
    """Return whether a PNG file is marked as synthetic.

    Raises
    ------
    InputError
        As `read_synthetic_facts`.
    """
    return read_synthetic_facts(path).get(SYNTHETIC) == "true"


def _text(kind: bytes, content: bytes) -> tuple[str, str] | None:
    name, _, rest = content.partition(b"\0")
    if kind == b"tEXt":
        return name.decode("latin-1"), rest.decode("latin-1")
    # Flag of packing, its method, language, name in that language, then the text.
    if len(rest) < 2 or rest[0]:
        return None
    _, _, rest = rest[2:].partition(b"\0")
    _, _, rest = rest.partition(b"\0")
    return name.decode("latin-1"), rest.decode("utf-8", "replace")
