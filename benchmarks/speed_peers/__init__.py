"""One file a way of training, each a script of its own process on the same images, network and settings.

    python -m benchmarks.speed_peers.fastai_ FOLDER MODEL STRATEGY EPOCHS

`prepare.py` writes FOLDER, `benchmarks/speed.py` calls the scripts. Each does what a competent user of its library
writes, and prints one line of JSON (`given.report`). All peers hold the images as normalised float tensors in memory
and load them without worker processes, which on two cores would take the time from the arithmetic.
"""
