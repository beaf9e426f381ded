#!/bin/sh
# Installs the Go programs that `make chart-check` runs into .venv/bin, at the versions below; one that
# PATH or its variable (HELM, KUBE_LINTER, KUBE_SCORE, KUSTOMIZE) already has is left to it. What cannot be had is
# said here and again by the check, which then did not run.
set -eu
cd "$(dirname "$0")/../.."
bin=$PWD/.venv/bin

install() { # program variable package version
    eval "named=\${$2:-}"
    if [ -n "$named" ] || command -v "$1" >/dev/null; then
        return
    fi
    if ! command -v go >/dev/null; then
        echo "$1: neither it nor Go is installed" >&2
        return
    fi
    # A binary knows the version that it was built from.
    if [ -x "$bin/$1" ] && go version -m "$bin/$1" | grep -q "[[:space:]]$4[[:space:]]"; then
        return
    fi
    echo "Installing $1 $4 into .venv/bin (minutes, the first time only) ..."
    GOBIN=$bin go install -trimpath -ldflags "-s -w" "$3@$4" || echo "$1: cannot be installed" >&2
}

install helm HELM helm.sh/helm/v4/cmd/helm v4.3.1
install kube-linter KUBE_LINTER golang.stackrox.io/kube-linter/cmd/kube-linter v0.8.3
command -v kubectl >/dev/null || [ -n "${KUBECTL:-}" ] ||
    install kustomize KUSTOMIZE sigs.k8s.io/kustomize/kustomize/v5 v5.8.1
install kube-score KUBE_SCORE github.com/zegl/kube-score/cmd/kube-score v1.20.0
