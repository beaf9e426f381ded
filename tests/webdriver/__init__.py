"""The pages and the documented applications in Firefox and WebKit: `make browsers-test`."""
