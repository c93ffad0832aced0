"""Methods of others: ready pictures, ONNX and TorchScript files, Python functions, and programs."""
