"""Plates and brackets of a public collection for `pcd_mesh_poses.py`: OpenBuilds parts of bd_warehouse (Apache-2.0).

    uv run --no-project --with bd-warehouse python tests/bench/pcd_warehouse_parts.py warehouse
    uv run python tests/bench/pcd_mesh_poses.py warehouse/*.stl --scans 6 --points 20000

Dimensions are those of parts that are sold. Most are nearly symmetric: holes, slots and pockets tell the sides apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

PARTS = (
    "AcmeAntiBacklashNutBlock8mm",
    "CBeamEndMount",
    "CBeamGantryPlate",
    "CBeamGantryPlateXLarge",
    "CBeamRiserPlate",
    "LBracket",
    "SpacerBlock",
    "TNut",
)
TOLERANCE_MM, TOLERANCE_RAD = 0.02, 0.2
"""Largest distance and angle of a triangle from the surface that it stands for."""


def main() -> None:
    """Write an STL file a part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    given = parser.parse_args()

    from bd_warehouse import open_builds
    from build123d import export_stl

    given.directory.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        part = getattr(open_builds, name)()
        export_stl(part, str(given.directory / f"{name}.stl"), tolerance=TOLERANCE_MM, angular_tolerance=TOLERANCE_RAD)
        print(name, *(f"{side:.1f}" for side in part.bounding_box().size), "mm")


if __name__ == "__main__":
    main()
