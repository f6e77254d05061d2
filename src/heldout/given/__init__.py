"""Anybody's predictions: tables read and checked, turned into a study, and models that answer images.

`tables` reads CSV, Parquet and data frames into `GivenTables` and finds every problem; `images` finds the images that
they name; `study` writes an ordinary study folder without weights, so that comparison, diagnosis and report work on it;
`model` and `onnx_` wrap what answers changed images, whatever framework made it; `reproduce` sees that it is the model
of the table; `make` does all of it for one call.
"""
