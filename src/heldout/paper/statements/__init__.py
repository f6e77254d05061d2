"""What the records say, one topic a file, found by the shelf."""

from heldout.paper.statement import Topic
from heldout.registry import Shelf

topics: Shelf[Topic] = Shelf("heldout.paper.statements", attribute="TOPIC", noun="topic of statements")

__all__ = ["Topic", "topics"]
