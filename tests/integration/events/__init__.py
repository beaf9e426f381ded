"""The stream of events, between processes. A package, so that its servers stop after its last test."""
