"""From files to faces and their scores; usable from Python without the command line."""
