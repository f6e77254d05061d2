"""What DATA may be: one layout a file; `data.draft` and `data.load` have what is common to all of them."""
