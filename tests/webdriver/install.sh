#!/bin/sh
# Installs Firefox ESR, WebKitGTK and what drives them, and prints a line for each browser that can be tested here:
# `firefox=` and the path of geckodriver, `webkit=` and the path of the browser. On Debian as root; geckodriver, which
# Debian does not have, is built by cargo in ~/.cache/doorward. Ends with 3 where no browser can be had. A browser that
# is missing is named on stderr.
set -eu

cache="${DOORWARD_TEST_CACHE:-$HOME/.cache/doorward}"
version=0.37.1
root="$cache/geckodriver-$version"

not_run() {
    printf '%s\n' '' "*** NOT RUN: make browsers-test in $1. $2" "*** NOTHING was tested in $1." '' >&2
}

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

install() {
    can_install || return 1
    export DEBIAN_FRONTEND=noninteractive
    [ -n "${updated:-}" ] || apt-get update -qq >&2
    updated=yes
    apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Two runs at once must not install the same thing.
mkdir -p "$cache"
exec 9>"$cache/browsers.lock"
command -v flock >/dev/null && flock 9

has_firefox() {
    command -v firefox-esr >/dev/null || command -v firefox >/dev/null || install firefox-esr || {
        not_run Firefox 'Firefox is not installed (Debian: firefox-esr).'
        return 1
    }
    [ ! -x "$root/bin/geckodriver" ] || return 0
    command -v cargo >/dev/null || {
        not_run Firefox 'cargo is not installed, which builds geckodriver (Debian: cargo-web, or rustup).'
        return 1
    }
    echo "Building geckodriver $version (the first time only) ..." >&2
    new=$(mktemp -d "$cache/new.XXXXXX")
    if cargo install --quiet --locked --root "$new/root" --target-dir "$new/target" "geckodriver@$version" >"$new/log" 2>&1; then
        rm -rf "$root"
        mv "$new/root" "$root"
        rm -rf "$new"
    else
        not_run Firefox "geckodriver cannot be built: $(tail -n 1 "$new/log")"
        rm -rf "$new"
        return 1
    fi
}

has_webkit() {
    command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null && [ -f /usr/share/i18n/locales/de_DE ] ||
        install webkit2gtk-driver xvfb locales || {
        not_run WebKit 'WebKitGTK is not installed (Debian: webkit2gtk-driver, xvfb, locales).'
        return 1
    }
    # WebKitGTK takes the languages that it asks for from the locale.
    for locale in de_DE en_GB; do
        [ -d "$cache/locales/$locale.UTF-8" ] || {
            mkdir -p "$cache/locales"
            # `set -e` does not hold here, because the caller asks for this function's status.
            localedef --no-archive -i "$locale" -f UTF-8 "$cache/locales/$locale.UTF-8" >&2 || {
                rm -rf "$cache/locales/$locale.UTF-8"
                not_run WebKit "The locale $locale cannot be made."
                return 1
            }
        }
    done
    # Of several versions the newest.
    minibrowser=$(ls /usr/lib/*/webkit2gtk-4.*/MiniBrowser 2>/dev/null | sort -V | tail -n 1)
    [ -n "$minibrowser" ] || {
        not_run WebKit 'WebKitGTK has no MiniBrowser.'
        return 1
    }
}

firefox="" webkit=""
! has_firefox || firefox="firefox=$root/bin/geckodriver"
! has_webkit || webkit="webkit=$minibrowser"
[ -n "$firefox$webkit" ] || exit 3
printf '%s\n' "$firefox" "$webkit"
