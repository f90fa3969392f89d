"""Talk that nobody here wrote: public data sets whose folders are given by hand (`QUALITY_DATA`), for
measuring only. Nothing of them is in this repository."""
