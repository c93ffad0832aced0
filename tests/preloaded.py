"""What the server of program.py loads beyond modules: open3d, whose own library has to be loaded first."""

from __future__ import annotations

from vision_cli.io.points.clouds import import_open3d

import_open3d()
