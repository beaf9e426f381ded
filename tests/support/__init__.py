"""What tests need around the services: servers, certificates, clients."""
