"""Sink: one file per destination."""
