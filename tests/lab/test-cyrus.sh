#!/bin/bash
# Cyrus IMAP as the destination: its namespace, MULTIAPPEND and LITERAL+ are not Dovecot's, and it refuses messages that
# Dovecot takes (bare newlines, headers that are none).
. "$(dirname "$0")/common.sh"
start_lab --tenant small
trap '"$top/tests/lab/cyrus" down "$LAB_DIR"; finish' EXIT
port=$("$top/tests/lab/cyrus" up "$LAB_DIR" 2>"$tmp/cyrus.err")
case $? in
0) ;;
2)
	skip "Cyrus IMAP cannot be had here: $(tail -n 1 "$tmp/cyrus.err")"
	exit 0
	;;
*)
	cat "$tmp/cyrus.err"
	not_ok "Cyrus IMAP starts"
	exit 1
	;;
esac
pid=$(cut -d' ' -f1 "$LAB_DIR/cyrus.pid")
# Every socket that one of its processes listens on.
listeners() {
	python3 - "$1" <<'P'
import os, re, sys
inodes = set()
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if open("/proc/%s/stat" % pid).read().rsplit(") ", 1)[1].split()[3] != sys.argv[1]:
            continue
        for fd in os.listdir("/proc/%s/fd" % pid):
            m = re.match(r"socket:\[(\d+)\]", os.readlink("/proc/%s/fd/%s" % (pid, fd)))
            if m:
                inodes.add(m[1])
    except OSError:
        pass
for name in "tcp", "tcp6", "udp", "udp6":
    for line in open("/proc/net/" + name).readlines()[1:]:
        f = line.split()
        if f[9] in inodes and (f[3] == "0A" or name.startswith("udp")):
            print(f[1].split(":")[0])
P
}
is "Cyrus IMAP listens on 127.0.0.1 only" "$(listeners "$pid" | sort -u)" 0100007F
sed -i "/^\[destination\]/,/^\[fleet\]/s/^port *=.*/port = $port/" "$conf"
destination=imaps://localhost:$port

sync alice@contoso.com
is "a mailbox goes to Cyrus IMAP" "$rc" 0
equal "alice" alice@contoso.com
sync alice@contoso.com
is "a second pass: nothing new" "$rc" 0
equal "alice again" alice@contoso.com
sync ja@contoso.com
is "Japanese names" "$rc" 0
equal "ja" ja@contoso.com
sync odd@contoso.com
is "messages that Cyrus refuses: 1" "$rc" 1
has "they are listed with its words" "$tmp/out" 'not copied: "Headers" UID 9, .*the destination refused it: NO Message contains bare newlines'
equal "all others are there" odd@contoso.com
sync odd@contoso.com
is "and they stay listed" "$rc" 1
"$top/tests/lab/cyrus" down "$LAB_DIR"
check "it ends with all its processes" [ -z "$(ps -o pid= -s "$pid")" ]
