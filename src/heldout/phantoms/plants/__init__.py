"""Causes of a drop in accuracy that live in the images: one plant a file, bound to `PLANT`.

A plant works on simulated and on real images. On a phantom it acts through the microscope where there is a law for it
(blur is defocus, noise is the camera's); everywhere else on the finished pixels.

Four causes do not live in images but in a trained model. They are planted into runs, by the benchmark, not here:

- an offset on the logits (cause `threshold`),
- the best of many epochs or settings, chosen on validation (`selection`),
- BatchNorm statistics that are wrong (`batchnorm`),
- a fine-tune that was trained too long (`overfitting`, `feature-distortion`).
"""

from heldout.phantoms.plants._shelf import parse_plants, plants

__all__ = ["parse_plants", "plants"]
