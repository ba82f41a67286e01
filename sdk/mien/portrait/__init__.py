"""Portraits that move: a face mesh fitted to a picture, moved by a FaceState, and drawn as a flow of its pixels."""
