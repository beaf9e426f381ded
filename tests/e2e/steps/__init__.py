"""The steps of the suite, one function each."""
