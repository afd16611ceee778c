"""A model where there is no torch: as ONNX, and on a page that runs in the browser."""
