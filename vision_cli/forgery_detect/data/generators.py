"""What is known of generators by their names: kind of forgery and family of the model (MFCLIP's levels 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vision_cli.forgery_detect.values import Family, Forgery


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FAMILIES: Mapping[Family, frozenset[str]] = {
    "diffusion": _words(
        "adm collabdiff collabdiffusion collaborativediffusion colladiffusion colldiff dalle dalle2 dalle3 ddim ddpm "
        "diffae diffface diffswap dit dreambooth flux glide imagen imagic inpainting kandinsky latdiff latentdiffusion "
        "ldm lora midjourney midjourney6 pixart pixartalpha rddm sd sd14 sd15 sd2 sd21 sd3 sdinpainting sdxl "
        "sdxlrefine sit stablediffusion text2img wukong"
    ),
    "gan": _words(
        "biggan cyclegan e4e e4s eg3d faceswapper facevid2vid fsgan fslsd gaugan iafaces inswap insight insightface "
        "lattrans latenttransformer mobileswap progan pggan simswap starganv2 stargan styleclip stylegan stylegan2 "
        "stylegan3 styleganxl uniface vqgan"
    ),
}
"""Names of generators, in lower case without punctuation, by family."""

FORGERIES: Mapping[Forgery, frozenset[str]] = {
    "synthesis": _words(
        "adm biggan colldiff collabdiffusion collaborativediffusion colladiffusion dalle dalle2 dalle3 ddim ddpm dit "
        "eg3d flux glide imagen kandinsky latdiff latentdiffusion ldm midjourney midjourney6 pggan pixart pixartalpha "
        "progan rddm sd sd14 sd15 sd2 sd21 sd3 sdxl sit stablediffusion stylegan stylegan2 stylegan3 styleganxl "
        "text2img vqgan whichfaceisreal whichisreal wukong"
    ),
    "manipulation": _words(
        "collabdiff danet diffae e4e face2face facevid2vid fomm f2f heygen hyperreenact iafaces imagic inpainting "
        "lattrans latenttransformer lia mcnet mraa neuraltextures nt oneshotfree pirender sadtalker sdinpainting "
        "stargan starganv2 styleclip tpsm wav2lip"
    ),
    "swap": _words(
        "blendface celebdf deepfacelab deepfakedetection deepfakes df dfd diffface diffswap e4s facedancer faceshifter "
        "faceswap faceswapper fs fsgan fsh fslsd fsw inswap insight insightface mobileswap simswap uniface"
    ),
}
"""Names of generators, in lower case without punctuation, by kind of forgery."""

_SOURCE_SUFFIX = re.compile(r"_(ff|cdf)$", re.IGNORECASE)
"""DF40 appends the data set that a forgery was made of."""


def describe(generator: str) -> tuple[Forgery, Family]:
    """Return the kind of forgery and the family of a generator; empty where they are not known.

    Case, punctuation and the endings ``_ff`` and ``_cdf`` of DF40 do not count: ``StyleGAN-XL`` is ``styleganxl``.
    """
    key = re.sub(r"[^a-z0-9]", "", _SOURCE_SUFFIX.sub("", generator).lower())
    forgeries: list[Forgery] = [kind for kind, names in FORGERIES.items() if key in names]
    families: list[Family] = [kind for kind, names in FAMILIES.items() if key in names]
    return forgeries[0] if forgeries else "", families[0] if families else ""
