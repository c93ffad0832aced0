"""The words of reports: names of findings and places, frames of sentences, hedges, comparisons and denials.

In frames, ``{np}`` is a noun phrase, with or without a place and a size; ``{side}`` is a side, so that a frame with it
is used only where a side is named.
"""

from __future__ import annotations

from vision_cli.phantoms.chests.values import Size, Zone

NOUNS: dict[str, tuple[str, ...]] = {
    "linear atelectasis": (
        "linear atelectasis",
        "plate-like atelectasis",
        "discoid atelectasis",
        "subsegmental atelectasis",
    ),
    "collapse": ("atelectasis", "volume loss", "collapse", "atelectatic change"),
    "consolidation": ("consolidation", "airspace consolidation", "dense consolidation", "airspace disease"),
    "edema": (
        "pulmonary edema",
        "interstitial edema",
        "vascular congestion",
        "pulmonary oedema",
        "interstitial prominence",
    ),
    "mass": ("mass", "lung mass", "mass lesion", "large rounded lesion"),
    "nodule": ("nodule", "pulmonary nodule", "lung lesion", "nodular density", "rounded density"),
    "nodules": ("nodules", "pulmonary nodules", "nodular densities", "lung lesions"),
    "lung opacity": ("opacity", "hazy opacity", "patchy opacity", "ill-defined density", "opacification", "infiltrate"),
    "pleural effusion": ("pleural effusion", "effusion", "pleural fluid", "pleural fluid collection"),
    "pleural thickening": ("pleural thickening", "pleural scarring", "thickened pleura"),
    "apical cap": ("pleural cap", "pleural capping", "apical pleural thickening", "apical cap"),
    "pleural plaque": ("pleural plaque", "calcified pleural plaque", "pleural calcification"),
    "pneumonia": ("pneumonia", "infectious infiltrate", "bronchopneumonia", "airspace infection"),
    "pneumothorax": ("pneumothorax", "collapsed lung with pleural air", "pleural air", "ptx"),
    "rib fracture": ("rib fracture", "fractured rib", "displaced rib fracture", "rib deformity"),
    "clavicle fracture": ("clavicle fracture", "fractured clavicle", "clavicular fracture"),
    "cardiomegaly": ("cardiomegaly", "cardiac enlargement", "enlarged heart", "enlarged cardiac silhouette"),
    "enlarged cardiomediastinum": (
        "mediastinal widening",
        "widened mediastinum",
        "enlarged cardiomediastinum",
        "prominent mediastinal contour",
    ),
    "pacemaker": ("pacemaker", "pacing device", "dual-lead pacemaker", "AICD", "cardiac device"),
    "port": ("port-a-cath", "chest port", "implanted port", "port catheter"),
    "central venous catheter": ("central venous catheter", "central line", "IJ catheter", "jugular line"),
    "PICC": ("PICC", "PICC line", "peripherally inserted catheter"),
    "endotracheal tube": ("endotracheal tube", "ET tube", "breathing tube"),
    "nasogastric tube": ("nasogastric tube", "NG tube", "enteric tube", "feeding tube"),
    "chest tube": ("chest tube", "pleural drain", "thoracostomy tube", "pigtail catheter"),
    "sternotomy wires": ("sternotomy wires", "median sternotomy wires", "sternal wires", "prosthetic valve and wires"),
}
"""Names of the forms of findings."""

FORMS: dict[str, tuple[str, ...]] = {
    "atelectasis": ("linear atelectasis", "collapse"),
    "cardiomegaly": ("cardiomegaly",),
    "consolidation": ("consolidation",),
    "edema": ("edema",),
    "enlarged cardiomediastinum": ("enlarged cardiomediastinum",),
    "fracture": ("rib fracture", "clavicle fracture"),
    "lung lesion": ("nodule", "mass", "nodules"),
    "lung opacity": ("lung opacity",),
    "pleural effusion": ("pleural effusion",),
    "pleural other": ("pleural thickening", "apical cap", "pleural plaque"),
    "pneumonia": ("pneumonia",),
    "pneumothorax": ("pneumothorax",),
    "support devices": (
        "pacemaker",
        "port",
        "central venous catheter",
        "PICC",
        "endotracheal tube",
        "nasogastric tube",
        "chest tube",
        "sternotomy wires",
    ),
}
"""Forms of each finding."""

FAMILIES: dict[str, str] = {
    "atelectasis": "lung",
    "cardiomegaly": "heart",
    "consolidation": "lung",
    "edema": "lung",
    "enlarged cardiomediastinum": "mediastinum",
    "fracture": "bone",
    "lung lesion": "lung",
    "lung opacity": "lung",
    "pleural effusion": "fluid",
    "pleural other": "pleura",
    "pneumonia": "lung",
    "pneumothorax": "pleura",
    "support devices": "device",
}
"""The family of frames of each finding."""

FRAMES = (
    "{np}",
    "there is {np}",
    "{np} is noted",
    "{np} is present",
    "{np} is seen",
    "{np} is again seen",
    "again seen is {np}",
    "{np} is visible on this film",
    "the film shows {np}",
    "{np}, unchanged since the prior study",
    "{np} has increased compared with the earlier film",
    "{np} has decreased in the interval",
    "new {np} since the last examination",
    "persistent {np}",
    "interval appearance of {np}",
    "stable {np} compared to before",
)
"""Of every family."""

OWN_FRAMES: dict[str, tuple[str, ...]] = {
    "lung": (
        "the {side} lung shows {np0}",
        "{np0} projecting over the {side} lung",
        "{np} better appreciated on this view",
        "area of {np}",
    ),
    "fluid": (
        "blunting of the {side} costophrenic angle",
        "the {side} costophrenic angle is blunted",
        "{side} sided fluid layering along the pleura",
        "obscured {side} hemidiaphragm by fluid",
        "fluid is present in the pleural space",
    ),
    "pleura": (
        "{np0} along the {side} pleural surface",
        "the {side} pleura is abnormal with {np0}",
        "{np} along the chest wall",
    ),
    "bone": (
        "{np0} of the {side} hemithorax",
        "{np0} on the {side} with callus",
        "the bones show {np}",
        "cortical step off suggesting {np}",
    ),
    "heart": (
        "the heart is enlarged",
        "heart size is increased",
        "the cardiac silhouette is larger than normal",
        "the cardiothoracic ratio is increased",
        "the heart appears big for this projection",
    ),
    "mediastinum": (
        "the mediastinum is widened",
        "the mediastinal silhouette appears broad",
        "widening of the mediastinal contour",
        "the cardiomediastinal silhouette is enlarged",
    ),
    "device": (
        "{np} in place",
        "{np} in unchanged position",
        "status post placement of {np}",
        "{np} in satisfactory position",
        "{np0} entering from the {side}",
        "{np0} over the {side} chest",
    ),
}
"""Of one family; ``{np0}`` is a noun phrase without a place."""

PROBABLE = ("likely {np}", "probable {np}", "{np}, likely", "findings compatible with {np}", "appearance suggests {np}")
POSSIBLE = (
    "possible {np}",
    "questionable {np}",
    "{np} cannot be excluded",
    "may represent {np}",
    "{np} is suspected",
    "?{np}",
)

ABSENT_FRAMES = (
    "no {np}",
    "there is no {np}",
    "no evidence of {np}",
    "no sign of {np}",
    "no definite {np}",
    "no convincing {np} is seen",
    "without {np}",
    "negative for {np}",
    "{np} is not seen",
    "{np} is not identified",
    "{np} has resolved",
    "absence of {np}",
    "the earlier {np} is no longer seen",
    "free of {np}",
)
"""Denials of every finding."""

OWN_ABSENT_FRAMES: dict[str, tuple[str, ...]] = {
    "cardiomegaly": ("heart size is normal", "the heart is not enlarged", "normal cardiac silhouette"),
    "enlarged cardiomediastinum": ("the mediastinal contours are normal", "mediastinum is not widened"),
    "fracture": ("the bones are intact", "no acute bony abnormality", "osseous structures are unremarkable"),
    "pleural effusion": ("the costophrenic angles are sharp", "both costophrenic angles are clear"),
    "edema": ("pulmonary vascularity is normal", "no vascular congestion"),
    "support devices": ("no lines or tubes", "the tubes have been removed", "no implanted device"),
    "pleural other": ("the pleura is unremarkable", "normal pleural surfaces"),
}
"""Denials of one finding."""

CLEAR = (
    "the lungs are clear",
    "normal chest",
    "no acute process in the chest",
    "unremarkable examination",
    "clear lungs bilaterally with nothing acute",
)
"""Denials of everything."""

VAGUE = (
    "abnormal film",
    "findings as described",
    "there is an abnormality",
    "please correlate with the history",
    "further imaging may help",
    "comparison is made to the prior film",
    "the study is limited by technique",
    "abnormal appearance, see above",
)
"""Sentences about nothing in particular."""

SIZES: dict[Size, tuple[str, ...]] = {
    "small": ("small", "tiny", "minimal", "mild", "subtle", "trace"),
    "moderate": ("moderate", "medium sized", "moderately sized"),
    "large": ("large", "extensive", "marked", "severe"),
}

DEGREES: dict[Size, tuple[str, ...]] = {
    "small": ("mild", "mildly prominent", "borderline"),
    "moderate": ("moderate",),
    "large": ("marked", "severe", "gross"),
}
"""Sizes of what has no extent of its own: heart, mediastinum, edema."""

ZONE_ADJECTIVES: dict[Zone, tuple[str, ...]] = {
    "upper": ("upper lobe", "upper zone", "upper lung", "apical", "upper"),
    "mid": ("mid lung", "mid zone", "perihilar", "midlung"),
    "lower": ("lower lobe", "lower zone", "basilar", "basal", "lower lung"),
    "central": ("central", "midline"),
}
"""Before a noun."""

ZONE_PLACES: dict[Zone, tuple[str, ...]] = {
    "upper": ("upper lobe", "upper zone", "apex", "upper lung", "upper lung field"),
    "mid": ("mid lung", "mid zone", "perihilar region", "mid lung field"),
    "lower": ("lower lobe", "base", "lung base", "lower zone", "lower lung field"),
    "central": ("midline", "central chest"),
}
"""After a preposition and a side."""

ZONE_ALONE: dict[Zone, tuple[str, ...]] = {
    "upper": ("in the upper zone", "at the apex", "in the upper lung"),
    "mid": ("in the mid lung", "in the perihilar region", "in the mid zone"),
    "lower": ("at the base", "in the lower zone", "in the lower lung"),
    "central": ("in the midline", "over the mediastinum", "centrally"),
}
"""Places without a side."""

PROTECTED = frozenset({"no", "not", "without", "absence", "negative", "free", "left", "right", "bilateral", "both"})
"""Words that turn the meaning round; neither dropped nor misspelt."""

DROPPED = frozenset({"the", "a", "is", "there", "of", "are", "in", "on", "this", "be"})
"""Words that dictation swallows."""
