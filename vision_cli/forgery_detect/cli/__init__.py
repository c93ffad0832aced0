"""The command line of forgery-detect."""

from vision_cli.forgery_detect.cli import predict
from vision_cli.forgery_detect.cli.app import app

__all__ = ["app", "predict"]
