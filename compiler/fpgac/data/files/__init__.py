"""Data sets in files: arrays, tables of text, Parquet, HDF5 and ROOT trees, read in chunks."""
