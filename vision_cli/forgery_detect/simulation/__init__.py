"""Simulated forgeries: pairs of a real face and a forgery made of it, which went through the same camera and files.

portrait -> camera (`camera`) -> real picture -> forgery (`generators`, `chroma`, `blending`) -> delivery of both
(`delivery`) -> crops of both (`pairs`).
"""
