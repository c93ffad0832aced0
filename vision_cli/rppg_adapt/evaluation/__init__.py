"""Errors of heart rates and waves."""
