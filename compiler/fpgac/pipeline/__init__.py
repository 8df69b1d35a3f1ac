"""The pipeline from a spec to a proven build: checking, training, compiling."""
