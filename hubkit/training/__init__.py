"""Trains adapters on the frozen core: objectives, sampling order, the resumable loop."""
