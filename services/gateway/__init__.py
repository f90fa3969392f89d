"""The HTTP face of the pipeline: takes imports, tells progress, serves results."""
