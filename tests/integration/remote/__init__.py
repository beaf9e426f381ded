"""Services without the identity database. A package, so that its servers stop after its last test."""
