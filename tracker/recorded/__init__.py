"""Tracking and matching of recorded detections: no video, no network, the same result every time."""
