"""Importer: one file per foreign model format."""
