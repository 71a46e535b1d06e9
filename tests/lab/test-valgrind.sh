#!/bin/bash
# Our own programs under valgrind in their usual ways: no error, no leak. The children are not traced: they have runs of their own.
. "$(dirname "$0")/common.sh"
command -v valgrind >/dev/null || { skip "valgrind is not there"; exit 0; }
if nm -D "$build/mbhaul" 2>/dev/null | grep -q __asan_init; then skip "valgrind and the sanitizers do not go together"; exit 0; fi
start_lab --tenant small
# What others keep for ever: glibc's and libunistring's own tables are reachable, hence no leaks.
checked=(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect --child-silent-after-fork=yes
	--trace-children=no --num-callers=30)
try() { # name, code, command...
	local name=$1 want=$2
	shift 2
	"${checked[@]}" --log-file="$tmp/valgrind.%p" "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
	is "$name" "$rc" "$want"
	[ $rc = "$want" ] || { cat "$tmp"/valgrind.* | head -n 40 | sed 's/^/    /'; tail -n 5 "$tmp/out"; }
	rm -f "$tmp"/valgrind.*
}
m=("$build/mbhaul" --config "$conf")

try "generate" 0 "${m[@]}" generate
try "mbhaul-token get, a miss" 0 "$build/mbhaul-token" --config "$conf" get --profile contoso --user alice@contoso.com --host localhost
try "mbhaul-token get, a hit" 0 "$build/mbhaul-token" --config "$conf" get --profile contoso --user alice@contoso.com --host localhost
try "sync" 0 "${m[@]}" sync alice@contoso.com
try "sync, nothing new" 0 "${m[@]}" sync alice@contoso.com
try "sync with a message left" 1 "${m[@]}" sync odd@contoso.com
try "verify" 0 "${m[@]}" verify alice@contoso.com
try "verify --deep, a message left" 1 "${m[@]}" verify --deep odd@contoso.com
try "sync, refused by the source" 77 "${m[@]}" sync ungranted@contoso.com
"$lab" fault names@contoso.com '{"throttle":{"at":20,"times":3,"ms":500,"answer":"NO"}}' >/dev/null
try "sync, throttled" 0 "${m[@]}" sync names@contoso.com
"$lab" fault fr@contoso.com '{"drop-in-literal":{"at":15,"times":2}}' >/dev/null
try "sync, dropped, then looking for doubles" 0 "${m[@]}" sync fr@contoso.com
"$lab" fault info@contoso.com '{"stub":{"INBOX":[4]},"empty-fetch":{"INBOX":[9]}}' >/dev/null
try "sync, with a stub and an empty item" 1 "${m[@]}" sync info@contoso.com

# The relays are mbsync's children: their tunnels are wrapped, and what valgrind has to say is in its log.
relays() { # name, mailbox, faults: its folders through both relays
	local rc=$tmp/relay.rc
	sed "s|Tunnel \"exec |&${checked[*]} --log-file=$tmp/valgrind.%p |" "$HAUL/mailboxes/$2/mbsyncrc" >"$rc"
	grep -c "Tunnel.*valgrind" "$rc" >"$tmp/out"
	is "$1: both tunnels are wrapped" "$(cat "$tmp/out")" 2
	"$lab" fault "$2" "$3" >/dev/null
	mbsync -c "$rc" -a >"$tmp/out" 2>&1
	"$lab" fault "$2" '{}' >/dev/null
	cat "$tmp"/valgrind.* >"$tmp/said" 2>/dev/null
	is "$1: both ran" "$(ls "$tmp"/valgrind.* | wc -l)" 2
	is "$1: nothing to say" "$(wc -c <"$tmp/said")" 0
	[ ! -s "$tmp/said" ] || head -n 40 "$tmp/said" | sed 's/^/    /'
	rm -f "$tmp"/valgrind.*
}
relays "relays" ja@contoso.com '{}'
relays "relays, nothing new" ja@contoso.com '{}'
relays "relays, dropped, throttled, expired" throttled@contoso.com '{"drop-in-literal":{"at":3,"times":2},"throttle":{"at":9,"ms":300},"expire-after":{"at":20}}'
cp "$HAUL/mailboxes/alice@contoso.com/status.json" "$tmp/whole"
echo '{' >"$HAUL/mailboxes/alice@contoso.com/status.json"
try "sync with a damaged status.json" 78 "${m[@]}" sync alice@contoso.com
cp "$tmp/whole" "$HAUL/mailboxes/alice@contoso.com/status.json"
echo x >>"$HAUL/mailboxes/alice@contoso.com/state/:source:INBOX_:destination:INBOX"
try "sync with a damaged state" 78 "${m[@]}" sync alice@contoso.com
sed -i '$d' "$HAUL/mailboxes/alice@contoso.com/state/:source:INBOX_:destination:INBOX"
try "check" 77 "${m[@]}" check -j 3
try "check as JSON, of some" 0 "${m[@]}" check --json --exact alice@contoso.com names@contoso.com
"$lab" fault '*' '{"refuse":true}' >/dev/null
try "check, everybody refused" 77 "${m[@]}" check
"$lab" fault '*' '{}' >/dev/null
try "admin" 0 "${m[@]}" admin "$tmp/kit"
try "run" 77 "${m[@]}" run --plain -j 3
try "verify, all" 77 "${m[@]}" verify -j 2
try "verify, nothing changed" 77 "${m[@]}" verify
try "verify of all bytes" 1 "${m[@]}" verify --deep info@contoso.com odd@contoso.com
try "verify of some bytes" 0 "${m[@]}" verify --full --sample 20 alice@contoso.com
"$lab" fault fr@contoso.com '{"drop-in-literal":{"at":5,"times":2}}' >/dev/null
: >"$HAUL/mailboxes/fr@contoso.com/copied.jsonl"
try "verify, dropped" 0 "${m[@]}" verify --deep --full fr@contoso.com
doveadm -c "$DEST_CONF" expunge -u names@contoso.example mailbox INBOX 2
try "verify with a row, as JSON" 1 "${m[@]}" verify --json names@contoso.com
echo x >>"$HAUL/mailboxes/names@contoso.com/state/:source:INBOX_:destination:INBOX"
try "verify with a damaged state" 78 "${m[@]}" verify names@contoso.com
sed -i '$d' "$HAUL/mailboxes/names@contoso.com/state/:source:INBOX_:destination:INBOX"
try "report" 0 "${m[@]}" report
try "status" 0 "${m[@]}" status
try "status of one" 0 "${m[@]}" status odd@contoso.com
try "password" 0 "${m[@]}" password alice@contoso.com
try "an address that is not there" 64 "${m[@]}" sync nobody@contoso.com
