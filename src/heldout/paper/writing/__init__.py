"""Documents of a paper as Markdown, LaTeX and DOCX: one writer a file, the same plain blocks for each."""
