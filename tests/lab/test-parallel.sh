#!/bin/bash
# parallel.sh with GNU parallel and two sshd on loopback. A machine dies in the middle and comes back, a mailbox is held by
# somebody else, one is refused, the whole is ended and goes on with another CSV.
. "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin:/sbin
for program in parallel ssh sshd ssh-keygen; do
	command -v $program >/dev/null || { skip "parallel.sh: there is no $program here (Debian: parallel openssh-client openssh-server)"; exit 0; }
done
start_lab --tenant fleet:40:6

# ---- two machines ----
net=$tmp/net
mkdir -p "$net/bin"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$net/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$net/key"
read -r port1 port2 < <(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])')
declare -A daemon=() port=([h1]=$port1 [h2]=$port2)
boot() { # name
	printf '%s\n' "Port ${port[$1]}" 'ListenAddress 127.0.0.1' "HostKey $net/hostkey" "AuthorizedKeysFile $net/key.pub" 'PidFile none' \
		'StrictModes no' 'PasswordAuthentication no' 'PermitRootLogin prohibit-password' 'UsePAM no' >"$net/$1.conf"
	"$(command -v sshd)" -D -e -f "$net/$1.conf" >>"$net/$1.log" 2>&1 </dev/null &
	daemon[$1]=$!
	disown
}
for name in h1 h2; do
	boot $name
	printf '%s\n' "Host $name" 'HostName 127.0.0.1' "Port ${port[$name]}" "IdentityFile $net/key" 'IdentitiesOnly yes' \
		"UserKnownHostsFile $net/known" 'StrictHostKeyChecking accept-new' 'LogLevel ERROR' >>"$net/ssh.conf"
done
printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$net/ssh.conf" >"$net/bin/ssh"
chmod 755 "$net/bin/ssh"
PATH=$net/bin:$PATH
trap 'kill "${daemon[@]}" 2>/dev/null; finish' EXIT
for name in h1 h2; do
	for _ in $(seq 50); do ssh -o BatchMode=yes $name true 2>/dev/null && break; sleep 0.1; done
	check "sshd $name lets us in" ssh -o BatchMode=yes $name true
done

# ---- a haul whose path is awkward for shells ----
work="$tmp/it's a \"haul\" \$1 %i"
mkdir "$work"
cp "$LAB_DIR"/{mbhaul.conf,contoso.secret,ca.pem,mailboxes.csv,grants.csv} "$work"
conf=$work/mbhaul.conf HAUL=$work/haul
sed -i 's|^\[fleet\]|[fleet]\ntotal-jobs = 6\njobs = 8|' "$conf"
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
fault() { "$lab" fault "$1" "$2" >/dev/null || not_ok "the fault $2 is set"; }
member() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$HAUL/mailboxes/$1/status.json" "$2" 2>/dev/null; }
generate() { "$mbhaul" --config "$conf" generate "$@" >"$tmp/out" 2>&1 || { not_ok "generate"; cat "$tmp/out"; }; }
generate --for parallel
bash "$HAUL/parallel.sh" >"$tmp/out" 2>&1
is "without machines: 78" $? 78
has "it says where they belong" "$tmp/out" 'there is no machine in .*/hosts'
printf '# ours\nh1\n9/h2 # too many\n' >"$HAUL/hosts"
bash "$HAUL/parallel.sh" >"$tmp/out" 2>&1
is "more than total-jobs: 78" $? 78
printf '# ours\nh1\n  h2   # \n' >"$HAUL/hosts"
generate --for parallel
is "the file of machines is not written again" "$(head -n 1 "$HAUL/hosts")" '# ours'

# ---- a machine dies ----
ungranted=${boxes[3]} held=${boxes[5]}
"$lab" revoke "$ungranted" >/dev/null
for box in "${boxes[@]:0:6}"; do fault "$box" '{"body-delay":5000}'; done
setsid bash "$HAUL/mailboxes/$held/sync.sh" >"$tmp/held" 2>&1 </dev/null &
holder=$!
for _ in $(seq 100); do [ "$(member "$held" state)" = running ] && break; sleep 0.1; done
kill -STOP $holder # it keeps its lock
export MBHAUL_PAUSE=2
bash "$HAUL/parallel.sh" >"$tmp/run1" 2>&1 </dev/null &
run=$!
at_work() { # sshd: how many of mbhaul's syncs it started
	python3 - "${daemon[$1]}" <<'P'
import os, sys
parent = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        parent[int(pid)] = int(open("/proc/%s/stat" % pid).read().rpartition(")")[2].split()[1])
    except OSError:
        pass
below, n = {int(sys.argv[1])}, 0
while n != len(below):
    n = len(below)
    below |= {p for p in parent if parent[p] in below}
def line(p):
    try:
        return open("/proc/%d/cmdline" % p, "rb").read().split(b"\0")
    except OSError:
        return []
print(sum(1 for p in below if b"sync" in line(p) and line(p)[0].endswith(b"/mbhaul")))
P
}
for _ in $(seq 100); do [ "$(at_work h1)" -ge 2 ] && [ "$(at_work h2)" -ge 2 ] && break; sleep 0.1; done
check "both machines work" [ "$(at_work h1)" -ge 1 ]
# Else it may be on the machine that dies, and not be asked again before the end of the round.
for _ in $(seq 300); do awk '$7 == 77 { exit 1 }' "$HAUL/parallel.joblog" || break; sleep 0.1; done
for _ in $(seq 100); do [ "$(at_work h2)" -ge 1 ] && break; sleep 0.1; done
there=$(at_work h2)
check "with no more than their share" [ "$there" -ge 1 -a "$there" -le 3 ]
python3 "$top/tests/lab/killtree.py" "${daemon[h2]}" >"$tmp/killed"
check "a machine is killed with all that runs there" [ "$(cat "$tmp/killed")" -ge 5 ]
for box in "${boxes[@]:0:6}"; do fault "$box" '{}'; done
for _ in $(seq 200); do [ "$(wc -l <"$HAUL/parallel.joblog")" -ge 8 ] && break; sleep 0.1; done
boot h2
for _ in $(seq 200); do awk '$2 == "h2" && $7 == 0 { exit 1 }' "$HAUL/parallel.joblog" || break; sleep 0.1; done
check "it is used again once it is back" [ "$(awk '$2 == "h2" && $7 == 0' "$HAUL/parallel.joblog" | wc -l)" -ge 1 ]

# ---- ended in the middle, and gone on with another CSV ----
last=${boxes[39]}
for box in "${boxes[@]:34}"; do fault "$box" '{"body-delay":4000}'; done
for _ in $(seq 300); do [ "$(member "$last" state)" = running ] && break; sleep 0.1; done
kill -TERM $run
for _ in $(seq 150); do kill -0 $run 2>/dev/null || break; sleep 0.1; done
wait $run
is "TERM: 77, since one is refused" $? 77
has "it says how many are not through" "$tmp/run1" '^40 mailboxes: [0-9]+ done, 1 where somebody must act, [0-9]+ not through'
for _ in $(seq 100); do [ "$(member "$last" state)" = running ] || break; sleep 0.1; done
is "what ran on the machines ends, and gently" "$(member "$last" state) $(member "$last" reason)" "later stopped"
for box in "${boxes[@]:34}"; do fault "$box" '{}'; done
done_before=$(awk '$7 == 0' "$HAUL/parallel.joblog" | wc -l)
{ head -n 1 "$LAB_DIR/mailboxes.csv"; tail -n +2 "$LAB_DIR/mailboxes.csv" | tac; } >"$work/mailboxes.csv"
generate
timeout 120 bash "$HAUL/parallel.sh" >"$tmp/run2" 2>&1 </dev/null &
run=$!
for _ in $(seq 300); do awk -v name="$held" '$7 == 75 && index($0, name) { exit 1 }' "$HAUL/parallel.joblog" || break; sleep 0.1; done
kill -CONT $holder
wait $holder
wait $run
is "the same command goes on: 77" $? 77
has "to the end" "$tmp/run2" '^40 mailboxes: 39 done, 1 where somebody must act$'
check "the pass is over, and its log is put aside" [ ! -e "$HAUL/parallel.joblog" ]
log=$HAUL/parallel.joblog.last
is "each was done once" "$(awk -F '\t' '$7 == 0 && $8 == 0 { print $9 }' "$log" | sort | uniq -d | wc -l) $(awk '$7 == 0 && $8 == 0' "$log" | wc -l)" "0 39"
is "a permanent refusal is not asked again" "$(awk '$7 == 77' "$log" | wc -l)" 1
check "what somebody else worked on was asked again" [ "$(grep -F "$held" "$log" | awk '$7 == 75' | wc -l)" -ge 1 ]
check "it went on, and did not begin anew" [ "$done_before" -ge 20 ]

"$lab" grant "$ungranted" >/dev/null
sleep 1.1 # Dovecot looks at its file no more than once a second
cp "$log" "$tmp/log"
generate --for parallel "$ungranted"
bash "$HAUL/parallel.sh" >"$tmp/run3" 2>&1 </dev/null
is "the last one: 0" $? 0
proved "all are complete, none is there twice" "${boxes[@]}"
check "no secret in a log or a generated file" eval '! grep -rqFf "$LAB_DIR/contoso.secret" "$HAUL" "$tmp/run1" "$tmp/run2"'
hasnt "and no token" 'eyJ[A-Za-z0-9_-]{10}' "$HAUL" "$tmp/run1" "$tmp/run2"
