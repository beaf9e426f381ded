#!/bin/sh
# install_keycloak.sh TARGET CONSEQUENCE: puts Keycloak into ~/.cache/doorward, for tests/keycloak and `make bench-peers`:
# from Maven, needs Java 17. Ends with 3 where that is not possible, and says that TARGET did not run and with which
# CONSEQUENCE. A distribution that is another than expected is an error.
set -eu

target_of_make=$1
consequence=$2
version=26.7.3
sha256=27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f
cache="${DOORWARD_TEST_CACHE:-$HOME/.cache/doorward}"
target="$cache/keycloak-$version"

not_run() {
    printf '%s\n' '' "*** NOT RUN: $target_of_make. $1" "*** $consequence" '' >&2
    exit 3
}

command -v java >/dev/null || not_run 'Java is not installed (Debian: default-jre-headless).'
[ ! -x "$target/bin/kc.sh" ] || exit 0
command -v mvn >/dev/null || not_run 'Maven is not installed, which downloads Keycloak (Debian: maven).'
mkdir -p "$cache"
folder=$(mktemp -d "$cache/new.XXXXXX")
trap 'rm -rf "$folder"' EXIT
echo "Downloading Keycloak $version (the first time only: 170 MB) ..."
# Twice: a connection that breaks off is no answer.
mvn -q -B dependency:get -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" -Dtransitive=false \
    >"$folder/log" 2>&1 ||
    mvn -q -B dependency:get -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" -Dtransitive=false \
        >"$folder/log" 2>&1 || not_run "Maven cannot download it: $(tail -n 1 "$folder/log")"
mvn -q -B dependency:copy -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" \
    -DoutputDirectory="$folder" >"$folder/log" 2>&1 || not_run "Maven cannot copy it: $(tail -n 1 "$folder/log")"
archive="$folder/keycloak-quarkus-dist-$version.zip"
echo "$sha256  $archive" | sha256sum -c --quiet || exit 1
python3 -m zipfile -e "$archive" "$folder"
chmod +x "$folder/keycloak-$version/bin/kc.sh"
mv "$folder/keycloak-$version" "$target"
