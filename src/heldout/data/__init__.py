"""Images as they come: layouts read, images examined, parts drawn, squares stored; no network."""
