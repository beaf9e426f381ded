#!/bin/sh
# Installs the Go programs of `make chart-check` into .venv/bin, at the versions below. Skips a program that is on PATH
# or set in its variable (HELM, KUBE_SCORE, KUSTOMIZE). A failure is printed here and reported again by the check.
set -eu
cd "$(dirname "$0")/../.."
bin=$PWD/.venv/bin

install() { # program variable package version
    eval "named=\${$2:-}"
    if [ -n "$named" ] || command -v "$1" >/dev/null; then
        return
    fi
    if ! command -v go >/dev/null; then
        echo "$1: neither $1 nor Go is installed" >&2
        return
    fi
    # The binary records the version that it was built from.
    if [ -x "$bin/$1" ] && go version -m "$bin/$1" | grep -q "[[:space:]]$4[[:space:]]"; then
        return
    fi
    echo "Installing $1 $4 into .venv/bin (minutes, the first time only) ..."
    GOBIN=$bin go install -trimpath -ldflags "-s -w" "$3@$4" || echo "$1: cannot be installed" >&2
}

install helm HELM helm.sh/helm/v4/cmd/helm v4.3.1
command -v kubectl >/dev/null || [ -n "${KUBECTL:-}" ] ||
    install kustomize KUSTOMIZE sigs.k8s.io/kustomize/kustomize/v5 v5.8.1
install kube-score KUBE_SCORE github.com/zegl/kube-score/cmd/kube-score v1.20.0
