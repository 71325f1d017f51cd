"""Microsoft's unmodified SDKs against the local hub. tests/interop/run.py runs one file of them."""
