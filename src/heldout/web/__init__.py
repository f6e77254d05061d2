"""The local page, `heldout serve STUDY`: look at the images, judge them, and see the answer change."""
