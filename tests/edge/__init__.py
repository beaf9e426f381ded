"""The real chain. A package, so that its servers stop after its last test."""
