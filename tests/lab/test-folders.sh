#!/bin/bash
# Folders from end to end: [folders] map, exclude, include; separators and prefixes of the destination; 300 folders; a change
# of mbsync's version in the middle of a haul; plain mbsync before the first sync.
. "$(dirname "$0")/common.sh"

rules() { # lines of [folders]
	sed -i '/^\[folders\]/,$d' "$conf"
	printf '[folders]\n%s\n' "$1" >>"$conf"
}
there() { doveadm -c "$DEST_CONF" mailbox status -u "${1/@contoso.com/@contoso.example}" messages "$2" 2>/dev/null | sed 's/.*messages=//'; }
listed() { doveadm -c "$DEST_CONF" mailbox list -u "${1/@contoso.com/@contoso.example}"; }
uidnext() { doveadm -c "$DEST_CONF" mailbox status -u "${1/@contoso.com/@contoso.example}" uidnext '*' | sort; }
use_mbsync() { sed -i '/^mbsync = /d' "$conf" && if [ $# -gt 0 ]; then sed -i "s|^\[fleet\]|[fleet]\nmbsync = $1|" "$conf"; fi; }
mail() { printf 'From: a@example.net\r\nSubject: %s\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%s@folders>\r\n\r\nbody\r\n' "$1" "$1"; }

start_lab --tenant small

# [folders]
rules 'exclude = Projects/Alpha/2023
exclude = Clu%
include = Notes
map = Projects/Beta -> Kunden/B
map = Archive/2019 -> Old mail'
sync alice@contoso.com
is "a sync with maps and exclusions" "$rc" 0
is "a mapped folder lies where it was mapped to" "$(there alice@contoso.com Kunden.B)" 8
is "another one too" "$(there alice@contoso.com 'Old mail')" 10
listed alice@contoso.com >"$tmp/list"
hasnt "an excluded folder is not there" '^(Clutter|Projects\.Alpha\.2023|Projects\.Alpha\.2023\.Q4|Projects\.Beta|Calendar)$' "$tmp/list"
has "an included one is" "$tmp/list" '^Notes$'
has "a neighbour of an excluded one is" "$tmp/list" '^Projects\.Alpha\.2024$'
has "the log names what is left out" "$HAUL/mailboxes/alice@contoso.com/log" 'folder "Clutter" is left out'
has "and folders without mail" "$HAUL/mailboxes/alice@contoso.com/log" 'folder "Calendar" is left out'
equal "with maps and exclusions" alice@contoso.com
"$mbhaul" --config "$conf" verify --deep alice@contoso.com >"$tmp/out" 2>&1
is "verify: complete, for what is left out is left out on purpose" "$?" 0
has "what is left out is listed, a message a row" "$HAUL/verify.csv" '^"alice@contoso.com","alice@contoso.example","excluded","Clutter",.*,10,'
has "and a map is followed" "$HAUL/mailboxes/alice@contoso.com/verify.json" '"destination":[[:space:]]*"Kunden/B"'
before=$(uidnext alice@contoso.com)
rules 'map = Projects/Beta -> Elsewhere'
sync alice@contoso.com
is "a map that contradicts what was copied: 78" "$rc" 78
has "it is named with its line" "$tmp/out" "$conf:[0-9]+: .*Projects/Beta"
is "and nothing is copied" "$(uidnext alice@contoso.com)" "$before"
rules 'map = Projects/Beta -> Kunden/B'
sync alice@contoso.com
is "without it the same command works" "$rc" 0
is "an exclusion that was taken back is copied now" "$(there alice@contoso.com Clutter)" 10
is "a map that was taken back keeps its folder" "$(there alice@contoso.com 'Old mail')" 10
rules ''

# A change of mbsync's version in the middle
if mbsync15=$("$top/tests/lab/mbsync15" 2>/dev/null); then
	for box in fr@contoso.com ja@contoso.com; do
		use_mbsync
		"$mbhaul" --config "$conf" sync -v $box >"$tmp/out" 2>&1
		is "$box with 1.4" "$?" 0
		before=$(uidnext $box)
		for version in 1.5 1.4 1.5; do
			if [ $version = 1.5 ]; then use_mbsync "$mbsync15"; else use_mbsync; fi
			sync $box
			is "$box, then with $version" "$rc" 0
			is "$box: nothing is copied again" "$(uidnext $box)" "$before"
		done
		equal "$box after three changes" $box
		proved "$box after three changes" $box
	done
	# Plain mbsync of the new version, after generate
	for version in 1.4 1.5; do
		if [ $version = 1.5 ]; then use_mbsync "$mbsync15" && program=$mbsync15; else use_mbsync && program=mbsync; fi
		"$mbhaul" --config "$conf" generate fr@contoso.com >"$tmp/out" 2>&1
		(cd / && SASL_PATH=$build/sasl2:$(pkg-config --variable=libdir libsasl2)/sasl2 "$program" \
			-c "$HAUL/mailboxes/fr@contoso.com/mbsyncrc" -a) >"$tmp/mbsync" 2>&1
		is "plain mbsync $version after generate" "$?" 0
	done
	equal "it copied nothing again" fr@contoso.com
	# Half way: the first version is stopped and leaves a journal.
	box=info@contoso.com
	use_mbsync
	"$lab" fault $box '{"delay":60}' >/dev/null
	"$mbhaul" --config "$conf" sync $box >"$tmp/out" 2>&1 &
	pid=$!
	for _ in $(seq 200); do [ -s "$HAUL/mailboxes/$box/state/:source:INBOX_:destination:INBOX.journal" ] && break; sleep 0.05; done
	kill -9 $pid
	wait $pid 2>/dev/null
	"$lab" fault $box '{}' >/dev/null
	for _ in $(seq 50); do pgrep -f "mailboxes/$box/mbsyncrc" >/dev/null || break; sleep 0.1; done
	use_mbsync "$mbsync15"
	sync $box
	if [ "$rc" = 78 ]; then
		has "1.5 does not touch 1.4's journal: 78, and it says what to do" "$tmp/out" 'once more with the mbsync that began'
		use_mbsync
		sync $box
		is "1.4 ends what it began" "$rc" 0
		use_mbsync "$mbsync15"
		sync $box
	else
		skip "1.4 left no journal this time"
	fi
	is "1.5 goes on" "$rc" 0
	equal "after a change half way" $box
	use_mbsync
else
	skip "mbsync 1.5 cannot be had here"
fi

# Plain mbsync before the first sync
box="o'brien+x@contoso.com"
"$mbhaul" --config "$conf" generate >"$tmp/out" 2>&1 || not_ok "generate works"
rc_file="$HAUL/mailboxes/o%27brien+x@contoso.com/mbsyncrc"
(cd / && SASL_PATH=$build/sasl2:$(pkg-config --variable=libdir libsasl2)/sasl2 mbsync -c "$rc_file" -a) >"$tmp/mbsync" 2>&1
check "plain mbsync copies" [ "$(there "$box" INBOX)" = 20 ]
before=$(uidnext "$box")
sync "$box"
is "then mbhaul sync goes through" "$rc" 0
is "and nothing is copied again" "$(diff <(echo "$before") <(uidnext "$box") | grep -c '^<')" 0
has "the folders keep their names" "$HAUL/mailboxes/o%27brien+x@contoso.com/folders.json" '"destination": *"Sent Items"'
equal "plain mbsync, then mbhaul sync" "$box"
proved "plain mbsync, then mbhaul sync" "$box"
(cd / && SASL_PATH=$build/sasl2:$(pkg-config --variable=libdir libsasl2)/sasl2 mbsync -c "$rc_file" -a) >"$tmp/mbsync" 2>&1
is "plain mbsync after it works from anywhere" "$?" 0
is "and copies nothing" "$(diff <(echo "$before") <(uidnext "$box") | grep -c '^<')" 0

# 300 folders
box=empty@contoso.com
for i in $(seq 300); do echo "Cases/No. $i"; done >"$tmp/names"
PYTHONPATH=$top/tests/lab python3 -B - "$SOURCE_CONF" $box "$tmp/names" <<'P'
import sys
from labimap import Imap, quoted, mutf7
with Imap(sys.argv[1], sys.argv[2]) as imap:
    for name in open(sys.argv[3]).read().splitlines():
        imap.command(b"CREATE ", quoted(mutf7(name)))
        imap.append(name, [(b"Subject: %s\r\n\r\nbody\r\n" % name.encode(), "\\Seen", " 1-Jan-2024 00:00:00 +0000")])
P
begun=$SECONDS
sync $box
is "300 folders" "$rc" 0
equal "300 folders" $box
proved "300 folders" $box
echo "# 300 folders: $((SECONDS - begun)) s"
sync $box
is "and again" "$rc" 0

# Other destinations
for kind in '/ ' '. INBOX.' '/ INBOX/'; do
	"$lab" down "$LAB_DIR" >/dev/null 2>&1
	start_lab --tenant small --separator "${kind%% *}" --prefix "${kind#* }"
	name="separator ${kind%% *}, prefix \"${kind#* }\""
	"$mbhaul" --config "$conf" run --plain -j 2 alice@contoso.com info@contoso.com names@contoso.com ja@contoso.com >"$tmp/out" 2>&1
	is "$name: a run" "$?" 0
	[ "$(grep -c ' done ' "$tmp/out")" = 4 ] || sed 's/^/    /' "$tmp/out"
	equal "$name" alice@contoso.com info@contoso.com names@contoso.com ja@contoso.com
	proved "$name" alice@contoso.com info@contoso.com names@contoso.com ja@contoso.com
	"$mbhaul" --config "$conf" run --plain -j 2 alice@contoso.com names@contoso.com >"$tmp/out" 2>&1
	is "$name: and again" "$?" 0
	equal "$name: again" alice@contoso.com names@contoso.com
done
