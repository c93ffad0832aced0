"""A rig of faces: triangle meshes moved by action units of FACS, drawn with exact truth."""
