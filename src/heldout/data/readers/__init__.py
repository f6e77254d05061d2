"""What DATA may be: one layout a file; `heldout.data.load` has what is common to all of them."""
