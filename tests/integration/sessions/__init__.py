"""Sessions: opened, refreshed, raced, ended. A package, so that its servers stop after its last test."""
