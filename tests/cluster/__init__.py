"""Tests on a real Kubernetes: `make cluster-test`, with any KUBECONFIG."""
