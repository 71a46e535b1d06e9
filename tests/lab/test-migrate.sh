#!/bin/bash
# sanitizers: yes
# The sample tenant from end to end with one command; twice. Both sides compared, the source only read.
. "$(dirname "$0")/common.sh"
start_lab --tenant sample
uidnext() { # of all mailboxes at the destination
	cut -d, -f2 "$LAB_DIR/mailboxes.csv" | tail -n +2 | tr -d '"\r' | while read -r user; do
		doveadm -c "$DEST_CONF" mailbox status -u "$user" uidnext '*' 2>/dev/null | sort | sed "s/^/$user /"
	done
}
state() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["state"])' "$HAUL/mailboxes/$1/status.json"; }

begun=$SECONDS
"$mbhaul" --config "$conf" run -j 4 >"$tmp/run" 2>&1
is "the whole tenant: 77, for one mailbox is not granted" "$?" 77
echo "# first run: $((SECONDS - begun)) s"
has "its administrator is told what to do" "$tmp/run" 'Add-MailboxPermission -Identity ungranted@contoso.com'
has "one line for each mailbox as it ended" "$tmp/run" '^\[12/12\] '
is "twelve of them" "$(grep -cE '^\[[0-9]+/12\] ' "$tmp/run")" 12
has "and a summary" "$tmp/run" '^finished: 10 of 12 done, 1 with messages that could not be copied, 1 where somebody must act'
for box in alice info fr ja big large names throttled o%27brien+x empty; do
	is "$box is done" "$(state $box@contoso.com)" done
done
is "odd has a message left" "$(state odd@contoso.com)" left
is "ungranted is refused" "$(state ungranted@contoso.com)" refused
"$mbhaul" --config "$conf" status >"$tmp/status"
has "status counts them" "$tmp/status" '^12 mailboxes, 10 done, 1 left, 1 refused; [0-9,]+ of [0-9,]+ messages'
"$mbhaul" --config "$conf" status odd@contoso.com >"$tmp/status"
has "the message of header only is listed" "$tmp/status" 'not copied: "Header only" UID 2, .*"only a header".*its header has no end'
equal "both sides" alice@contoso.com info@contoso.com fr@contoso.com ja@contoso.com big@contoso.com large@contoso.com \
	names@contoso.com odd@contoso.com throttled@contoso.com "o'brien+x@contoso.com" empty@contoso.com

# Another judge, who has neither read the other's words nor his code.
proof() { # NAME COMPARED ARGUMENT...: verify, against what compare says of the same in the file COMPARED
	local name=$1 compared=$2
	shift 2
	"$mbhaul" --config "$conf" verify "$@" >"$tmp/verify" 2>&1 </dev/null
	rc=$?
	python3 - "$HAUL" "$compared" >"$tmp/proof" <<-'P'
		import glob, json, re, sys
		results = [json.load(open(p)) for p in glob.glob(sys.argv[1] + "/mailboxes/*/verify.json")]
		equal, listed = map(int, re.search(r"^(\d+) messages equal, (\d+) listed as not copied, no difference", open(sys.argv[2]).read(), re.M).groups())
		verdicts = {}
		for r in results:
		    verdicts.setdefault(r["verdict"], []).append(r["address"].split("@")[0])
		print({k: v[0] if len(v) == 1 else len(v) for k, v in sorted(verdicts.items())})
		got = sum(r.get("arrived", 0) for r in results), sum(r.get("refused", 0) + r.get("unreadable", 0) for r in results)
		if got != (equal, listed):
		    print("verify: %d arrived, %d listed; compare: %d, %d" % (*got, equal, listed))
		for r in results:
		    if any(r.get(m) for m in "missing removed new gone changed doubles hidden".split()):
		        print(r["address"], r["text"])
	P
	echo "# $name: $(tail -n 1 "$tmp/verify")"
}
proof "verify" "$tmp/compare" -j 2
is "verify: 77, for one mailbox is not granted" "$rc" 77
is "verify and the comparison of both sides say the same" "$(cat "$tmp/proof")" "{'complete': 10, 'listed': 'odd', 'unverifiable': 'ungranted'}"
proof "verify --deep" "$tmp/compare" -j 2 --deep
is "verify --deep: 77" "$rc" 77
is "of all bytes too" "$(cat "$tmp/proof")" "{'complete': 10, 'listed': 'odd', 'unverifiable': 'ungranted'}"
is "every message's bytes were compared" "$(python3 -c '
import glob, json, sys
r = [json.load(open(p)) for p in glob.glob(sys.argv[1] + "/mailboxes/*/verify.json")]
print(sum(m.get("arrived", 0) - m.get("compared", 0) for m in r))' "$HAUL")" 0
has "the throttled one had to wait" "$HAUL/mailboxes/throttled@contoso.com/log" 'throttles this mailbox; again in|the relay waits [0-9]+ s for the source: throttled'

# The source was only read.
"$lab" stats front >"$tmp/stats"
check "no command at the source but those that read" python3 -c '
import json, sys
reading = set("CAPABILITY NOOP LOGOUT ID NAMESPACE LIST STATUS EXAMINE SELECT FETCH UID SEARCH".split()) | {"UID FETCH", "UID SEARCH"}
seen = set()
for box in json.load(open(sys.argv[1]))["mailboxes"].values():
    seen |= set(box["commands"])
print("    " + " ".join(sorted(seen)))
assert "UID FETCH" in seen and not seen - reading, sorted(seen - reading)' "$tmp/stats"
is "and no message there has another flag than before, not even \Recent" \
	"$(doveadm -c "$SOURCE_CONF" fetch -u odd@contoso.com flags mailbox Flags 1 | tr -d '\f\n ')" 'flags:\Recent'

# Again
before=$(uidnext)
begun=$SECONDS
"$mbhaul" --config "$conf" run -j 4 --plain >"$tmp/run" 2>&1
is "a second run: 77 again" "$?" 77
echo "# second run: $((SECONDS - begun)) s"
is "it appends nothing" "$(diff <(echo "$before") <(uidnext) | grep -c '^[<>]')" 0
has "and says so" "$tmp/run" '; 0 messages copied in'
"$lab" grant ungranted@contoso.com && sleep 1.2
"$mbhaul" --config "$conf" run --plain >"$tmp/run" 2>&1
is "once it is granted, the message of header only is all that is left: 1" "$?" 1
is "ungranted is done" "$(state ungranted@contoso.com)" done
equal "all mailboxes"
proof "verify" "$tmp/compare"
is "verify: 1, for that message" "$rc" 1
is "verify and the comparison say the same again" "$(cat "$tmp/proof")" "{'complete': 11, 'listed': 'odd'}"

# What was generated works from anywhere.
folder=$HAUL/mailboxes/info@contoso.com
printf 'Subject: one more\r\nMessage-ID: <one@more>\r\n\r\nbody\r\n' | doveadm -c "$SOURCE_CONF" save -u info@contoso.com -m INBOX
(cd / && "$folder/sync.sh") >"$tmp/out" 2>&1
is "sync.sh from another folder" "$?" 0
equal "sync.sh copied" info@contoso.com
printf 'Subject: and one\r\nMessage-ID: <and@one>\r\n\r\nbody\r\n' | doveadm -c "$SOURCE_CONF" save -u info@contoso.com -m INBOX
(cd / && SASL_PATH=$build/sasl2:$(pkg-config --variable=libdir libsasl2)/sasl2 mbsync -c "$folder/mbsyncrc" -a) >"$tmp/out" 2>&1
is "plain mbsync with its mbsyncrc from /" "$?" 0
equal "plain mbsync copied" info@contoso.com

# mbsync 1.5 takes the message of header only too.
if mbsync15=$("$top/tests/lab/mbsync15" 2>/dev/null); then
	sed -i "s|^\[fleet\]|[fleet]\nmbsync = $mbsync15|" "$conf"
	sync odd@contoso.com
	is "mbsync 1.5 copies the message of header only: 0" "$rc" 0
	equal "with 1.5" odd@contoso.com
	"$mbhaul" --config "$conf" verify --deep >"$tmp/verify" 2>&1 </dev/null
	is "verify: everything is there, 0" "$?" 0
else
	skip "mbsync 1.5 cannot be had here"
fi
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/run" "$tmp/out" "$tmp/verify" "$HAUL"
