"""One module for each group of figures: `measure` returns them and asserts nothing."""
