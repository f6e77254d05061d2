"""Parts of an image that may hold the finding itself, so that needing them is no shortcut."""

MAY_BE_CONTENT = ("surround", "intensity")
"""Regions that may be what makes the class: the lungs lie around the middle of a chest X-ray, and pneumonia is white.
That a network needs them proves nothing, so that they are told of but never blamed."""
