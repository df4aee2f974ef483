#!/bin/sh
# The manual pages are clean, and name every command, option and key.
set -u
cd "$RATWATCH_SOURCE" || exit 1
status=0
for option in $("$RATWATCH_BUILD/daemon/ratwatchd" --help | grep -oE '^  -(-[a-z-]+|[a-z])' | tr -d ' '); do
	grep -qE "^\.It Fl ${option#-}( |$)" docs/man/ratwatchd.8 || { echo "docs/man/ratwatchd.8: $option is missing"; status=1; }
done
ratwatch=$RATWATCH_BUILD/cli/ratwatch
for command in $("$ratwatch" --help | sed -n 's/^[u ][^ ]*  *ratwatch \([a-z]*\) .*/\1/p'); do
	grep -qE "^\.It Cm $command" docs/man/ratwatch.1 || { echo "docs/man/ratwatch.1: $command is missing"; status=1; }
	for option in $("$ratwatch" "$command" --help | grep -oE '(^| |\[)-(-[a-z-]+|[a-z])' | tr -d ' [' | sort -u); do
		sed -n "/^\.Cm $command/,/^\.Nm/p" docs/man/ratwatch.1 | grep -qE "^\.Op Fl ${option#-}( |$)" ||
			{ echo "docs/man/ratwatch.1: $command $option is missing"; status=1; }
	done
done
for key in $(grep -oE '^  #?[a-z0-9_]+:' conf/ratwatch.yaml | tr -d ' #:'); do
	grep -qE "^\.It Cm $key( |$)" docs/man/ratwatch.yaml.5 || { echo "docs/man/ratwatch.yaml.5: $key is missing"; status=1; }
done
command -v mandoc >/dev/null || exit $status
mandoc -Tlint -Wwarning docs/man/*.[1-8] || status=1
exit $status
