"""The visible half of learning: a task without test images, phases, cached frozen prefixes, one loop on one page."""

from heldout.training.device import Machine, machine
from heldout.training.loop import learn
from heldout.training.predict import logits_of
from heldout.training.prefix import ActivationCache
from heldout.training.state import Progress
from heldout.training.task import Part, Task

__all__ = ["ActivationCache", "Machine", "Part", "Progress", "Task", "learn", "logits_of", "machine"]
