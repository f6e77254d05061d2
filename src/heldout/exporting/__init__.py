"""A run as one file that other programs run: ONNX, a program of PyTorch, or weights by the library's names."""
