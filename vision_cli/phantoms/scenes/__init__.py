"""NightScenes-10: solids before real photographs, lit by a point light, in linear radiance and with exact truth."""

from vision_cli.phantoms.scenes.backdrops import PHOTOS, Split, load_photos
from vision_cli.phantoms.scenes.scene import Scene, make_scene
from vision_cli.phantoms.scenes.solids import CLASSES

__all__ = ["CLASSES", "PHOTOS", "Scene", "Split", "load_photos", "make_scene"]
