"""The synthetic performer: one engine that renders people with exact labels for every modality."""
