"""Another package that adds one plug-in of every kind, each in a file of its own; `installed.py` installs it."""
