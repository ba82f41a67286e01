"""The networks of the default bundles, one file each."""
