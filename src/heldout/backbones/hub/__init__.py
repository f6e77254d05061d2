"""Networks of the model hub by name: what a repository holds, how it is fetched, and how it becomes stages."""
