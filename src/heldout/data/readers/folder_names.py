"""What names of folders tell."""

from __future__ import annotations

import re

NO_CLASS = re.compile(
    r"(?:images?|imgs?|pictures?|photos?|files?|data|datasets?|sets?|parts?|batch(?:es)?|chunks?|zip|archives?|folders?"
    r"|shards?|folds?|vol(?:ume)?|masks?|labels?|annotations?|segmentations?|groundtruth|patients?|subjects?)+"
)
"""Names of folders that hold images without being their class: parts of a download, masks, patients."""


SITE = re.compile(
    r"(?:hospital|clinic|site|cent(?:er|re)|lab(?:oratory)?|institut(?:e|ion)|scanner|camera|microscope)"
    r"[\s_.-]*(?:\d+|[a-z])"
)
"""Names of folders that say where images are from, and with a number or letter which of several places it is."""


def is_site(name: str) -> bool:
    """Whether a folder is called as none is called after a class but after a place: `hospital_2`, `Scanner A`."""
    return SITE.fullmatch(name.lower()) is not None


def is_container(name: str) -> bool:
    """Whether a folder is called as none is called after a class: `images_part_1`, `masks`, `patient 7`."""
    return NO_CLASS.fullmatch(re.sub(r"[\d\s_.()-]+", "", name).lower()) is not None
