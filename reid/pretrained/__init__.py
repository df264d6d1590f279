"""Weights that come with the library: what the application falls back on where nothing can be downloaded."""

from pathlib import Path

SHIPPED_WEIGHTS = Path(__file__).with_name("osnet_x0_25.safetensors")
"""OSNet x0.25 of our own training; its metadata name the input (reid.metadata.input_spec_of), README.md the rest."""
