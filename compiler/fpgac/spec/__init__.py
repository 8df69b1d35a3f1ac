"""The language of specs: models, loading with every problem at once, schema and starter."""
