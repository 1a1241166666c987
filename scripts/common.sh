# What the scripts share: where things are, and how Debian packages get in.
# Read by them with `.`; not to be run.

top=$(cd "$(dirname "$0")/.." && pwd)

die() {
    echo "$0: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root once: run it as root, or install sudo (wanted: $*)"
    fi
}

# Compiler, autotools, and each library's package as configure.ac names it.
build_packages() {
    echo gcc make libc6-dev autoconf automake pkg-config
    sed -n 's/^MF_LIBRARY(.*\[\([a-z0-9.+-]*\)\])$/\1/p' "$top/configure.ac" | sort -u
}

missing_packages() {
    for package; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
        [ "$status" = installed ] || echo "$package"
    done
}

# Installs what is missing of the packages given. No server that comes along is
# started, now or at the next boot: the tests and the demonstration start their own.
install_packages() {
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "please install: $missing"
    echo "installing $missing"
    policy=/usr/sbin/policy-rc.d
    made_policy=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made_policy=yes
    fi
    failed=
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        quiet() { "$@" >"$log" 2>&1 || { tail -20 "$log" >&2; return 1; }; }
        log=$(mktemp)
        trap "rm -f $log" EXIT
        try() { quiet apt-get install -y -q --no-install-recommends "$@"; }
        # The lists of a fresh machine are empty or old: a second try after an update.
        try "$@" 2>/dev/null || { quiet apt-get update -q && try "$@"; }' sh $missing || failed=yes
    [ -z "$made_policy" ] || as_root rm -f "$policy"
    [ -z "$failed" ] || die "apt-get could not install: $missing"
    case " $missing" in *" dovecot-"*)
        if command -v systemctl >/dev/null; then
            as_root systemctl disable -q dovecot.service dovecot.socket >/dev/null 2>&1 || :
        fi ;;
    esac
}

# Builds in the folder $1, with the further arguments for configure; all output goes to $1/build.log.
build_in() {
    build=$1
    shift
    [ ! -e "$top/config.status" ] || die "the source folder itself is configured: run 'make distclean' in it first"
    mkdir -p "$build"
    {
        [ -x "$top/configure" ] && [ "$top/configure" -nt "$top/configure.ac" ] &&
            [ "$top/Makefile.in" -nt "$top/Makefile.am" ] || "$top/autogen.sh"
        cd "$build" && "$top/configure" "$@" && make -j"$(nproc)"
    } >"$build/build.log" 2>&1 || {
        tail -30 "$build/build.log" >&2
        echo "the build failed; all of it is in $build/build.log" >&2
        return 1
    }
}
