#!/bin/sh
# unit.sh PROGRAM: runs a unit test. cmocka's TAP says "not ok 3 # SKIP name" of a
# test that can't be run here, which is a failure to everybody else.
exec 3>&1
status=$({ { "$@"; echo $? >&4; } | sed 's/^not ok \([0-9]*\) # SKIP \(.*\)/ok \1 # SKIP \2/' >&3; } 4>&1)
exit "$status"
