#!/bin/sh
# Makes ./configure. Needs autoconf and automake.
set -e
cd "$(dirname "$0")"
for tool in autoreconf automake; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "autogen.sh: $tool is missing. On Debian: apt-get install autoconf automake" >&2
		exit 1
	}
done
exec autoreconf --install --force --warnings=all
