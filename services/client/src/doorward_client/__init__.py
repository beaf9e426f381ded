"""Access tokens of Doorward for your own FastAPI service: verified locally, revoked within two seconds."""
