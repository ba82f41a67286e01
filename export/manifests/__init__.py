"""Manifests: what each default bundle says of itself, but for targets, blobs and figures. One file per bundle."""
