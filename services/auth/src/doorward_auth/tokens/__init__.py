"""Token pairs: issuing, refreshing, and what an access token says."""
