"""The API answers generated requests as docs/api/openapi.json says: `make api-test`."""
