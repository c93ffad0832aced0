"""Sheet-metal plates and brackets for `pcd_mesh_poses.py`, which share no code with the generator of `synth`.

    uv run python tests/bench/pcd_csg_parts.py parts
    uv run python tests/bench/pcd_mesh_poses.py parts/*.stl --scans 6 --points 20000

The parts are boxes and cylinders of trimesh, united and cut by manifold3d, in mm: what catalogues of brackets have,
with holes and slots that tell their sides apart, but a plate that is alike after half a turn among them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import trimesh
from trimesh.transformations import rotation_matrix


def box(*given: float) -> trimesh.Trimesh:
    """Return a box from its lower corner and its size."""
    low, size = np.array(given[:3]), np.array(given[3:])
    return trimesh.creation.box(extents=size, transform=trimesh.transformations.translation_matrix(low + size / 2))


def hole(place: tuple[float, float, float], radius: float, axis: str = "z") -> trimesh.Trimesh:
    """Return a long cylinder about a place."""
    turn = {"z": np.eye(4), "y": rotation_matrix(np.pi / 2, [1, 0, 0]), "x": rotation_matrix(np.pi / 2, [0, 1, 0])}
    found = trimesh.creation.cylinder(radius=radius, height=200, sections=48, transform=turn[axis])
    return found.apply_translation(place)


def part(bodies: list[trimesh.Trimesh], cuts: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Return bodies united, without the cuts."""
    whole = trimesh.boolean.union(bodies, engine="manifold") if len(bodies) > 1 else bodies[0]
    return trimesh.boolean.difference([whole, *cuts], engine="manifold")


def parts() -> dict[str, trimesh.Trimesh]:
    """Return the parts by name."""
    return {
        "angle": part(
            [box(0, 0, 0, 60, 40, 4), box(0, 0, 0, 4, 40, 50)],
            [hole((25, 12, 0), 3.5), hole((45, 28, 0), 5), hole((0, 20, 36), 6, "x"), hole((0, 9, 18), 2.5, "x")],
        ),
        "channel": part(
            [box(0, 0, 0, 80, 36, 3), box(0, 0, 0, 80, 3, 30), box(0, 33, 0, 50, 3, 22)],
            [hole((15, 0, 18), 5, "y"), hole((62, 18, 0), 6), hole((30, 18, 0), 3), box(60, -1, 20, 30, 6, 20)],
        ),
        "slotted_plate": part(
            [box(0, 0, 0, 90, 60, 5)],
            [hole((10, 10, 0), 3), hole((80, 50, 0), 4), box(25, 20, -1, 40, 7, 9), box(70, -1, -1, 30, 14, 9)],
        ),
        "symmetric_plate": part(
            [box(0, 0, 0, 90, 50, 4)],
            [hole((12, 10, 0), 4), hole((78, 40, 0), 4), box(35, 21, -1, 20, 8, 9)],
        ),
        "z_bracket": part(
            [box(0, 0, 0, 40, 30, 3), box(37, 0, 0, 3, 30, 28), box(37, 0, 25, 36, 30, 3)],
            [hole((12, 15, 0), 4), hole((60, 9, 0), 3), hole((0, 21, 14), 4, "x")],
        ),
        "gusset": part(
            [box(0, 0, 0, 50, 50, 5), box(0, 0, 0, 5, 50, 45), box(0, 8, 0, 26, 4, 24)],
            [hole((33, 34, 0), 5), hole((0, 30, 30), 4, "x"), hole((20, 40, 0), 2.5)],
        ),
    }


def main() -> None:
    """Write the parts as STL files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, mesh in parts().items():
        if not mesh.is_watertight:
            raise SystemExit(f"{name}: not watertight")
        mesh.export(given.out / f"{name}.stl")
        print(name, len(mesh.faces), "triangles", flush=True)


if __name__ == "__main__":
    main()
