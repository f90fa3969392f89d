#!/usr/bin/env bash
# Whether the tests pass every time: `make test-all` so many times in a row, every second time beside a process that
# keeps one core busy. Prints a line a run, and ends with the first run that fails, after the end of its output.
#   scripts/steady.sh [TIMES=10]
set -euo pipefail
cd "$(dirname "$0")/.."

times=${1:-10}
output=$(mktemp)
busy=
rest() {
    if [[ -n $busy ]]; then
        kill "$busy"
        wait "$busy" 2>/dev/null || true
        busy=
    fi
}
trap 'rest; rm -f "$output"' EXIT

for ((run = 1; run <= times; run++)); do
    beside=alone
    if ((run % 2 == 0)); then
        beside="beside a busy core"
        (while :; do :; done) &
        busy=$!
    fi
    began=$SECONDS
    passed=yes
    make test-all >"$output" 2>&1 || passed=no
    rest
    # The last line of each pytest: "1 failed, 1799 passed, 3 skipped in 163.21s"
    counts=$(grep -E '(passed|failed|error).* in [0-9.]+s' "$output" || true)
    count() { awk -v what="$1" '{ for (n = 1; n < NF; n++) if (index($(n + 1), what) == 1) sum += $n } END { print sum + 0 }' <<<"$counts"; }
    printf 'run %d of %d, %s: %d s, %s passed, %s failed, %s errors\n' \
        "$run" "$times" "$beside" "$((SECONDS - began))" "$(count passed)" "$(count failed)" "$(count error)"
    if [[ $passed == no ]]; then
        tail -n 60 "$output"
        exit 1
    fi
done
