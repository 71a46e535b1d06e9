#!/bin/bash
# Made by `mbhaul generate`. Copies the mailboxes of the haul on the machines of the file `hosts`, with GNU parallel over ssh.
#   bash parallel.sh
# makes one pass over all of them; ended or killed, the same command goes on with what is not through. Ctrl-C and TERM end
# gently what was begun on all machines. After a kill -9 it goes on there, and the next pass comes back to it later.
# All machines see the haul directory, mbhaul and mbsync at the same paths.
set -u
haul=@HAUL@
list=@LIST@
cap=@CAP@
pause=${MBHAUL_PAUSE:-30}
joblog=$haul/parallel.joblog
parallel='' stopped=''

die() { # code text
	echo "mbhaul: $2" >&2
	exit "$1"
}

# ---- on the machine that does the work ----

on_host() { # seconds, name of a mailbox's folder
	local pause=$1 name=$2 child signals=0 seen watcher='' rc=0 ended
	# In sessions of their own: parallel kills the group of what it started soon after it told it to end.
	setsid "$haul/mailboxes/$name/sync.sh" --wait --quiet </dev/null &
	child=$!
	trap 'signals=$((signals + 1)); kill -TERM "$child" 2>/dev/null' TERM INT HUP
	# Nothing is ever written there: it ends with the connection, and then so must the work.
	if [ "${PARALLEL_SSHLOGIN:-:}" != : ]; then
		# shellcheck disable=SC2016
		setsid bash -c 'while read -r _; do :; done; kill -TERM "$1" 2>/dev/null' _ "$child" <&0 >/dev/null 2>&1 &
		watcher=$!
	fi
	while :; do
		seen=$signals
		wait "$child"
		ended=$?
		[ "$ended" = 127 ] && [ "$seen" != 0 ] || rc=$ended
		[ "$seen" = "$signals" ] && break
	done
	case $rc in
	0 | 1 | 64 | 65 | 77 | 78) ;; # to ask again would change nothing
	*)
		[ "$rc" = 75 ] || echo "mbhaul: $name ended with $rc on $(uname -n)" >&2
		# At once it would be for nothing, and a machine where nothing works must not take all.
		if [ "$signals" = 0 ]; then
			sleep "$pause" &
			wait $!
			kill $! 2>/dev/null
		fi
		rc=75
		;;
	esac
	[ -z "$watcher" ] || kill "$watcher" 2>/dev/null
	exit "$rc"
}

# ---- ssh, as parallel runs it ----

to_host() { # arguments of ssh
	local child rc tries=0
	exec 3<> <(:) # can be read and has no end as long as this process and its ssh live
	trap 'kill -TERM "$child" 2>/dev/null; exit 255' TERM INT HUP
	while :; do
		ssh -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=10 -o ServerAliveCountMax=6 "$@" <&3 &
		child=$!
		wait "$child"
		rc=$?
		tries=$((tries + 1))
		# A machine that is down would else fail one mailbox after the other. They go elsewhere in the end.
		[ "$rc" = 255 ] || exit "$rc"
		sleep "$pause" 3<&- &
		child=$!
		wait "$child"
		[ "$tries" -lt 3 ] || exit 255
	done
}

# ---- on the machine that gives out the work ----

# "user@host" or "4/user@host" of the file hosts, as "mailboxes at once/user@host": the number given there, and what is left of
# the cap in equal shares for the others.
share_out() {
	local line fixed=0 left i
	local -a named=() others=()
	while IFS= read -r line || [ -n "$line" ]; do
		line=${line%%#*}
		line=${line//[[:space:]]/ }
		line=${line#"${line%%[! ]*}"}
		line=${line%"${line##*[! ]}"}
		[ -n "$line" ] || continue
		if [[ $line =~ ^([0-9]+)/ ]]; then
			named+=("$line")
			fixed=$((fixed + BASH_REMATCH[1]))
		else
			others+=("$line")
		fi
	done <"$haul/hosts"
	left=$((cap - fixed))
	[ "$left" -ge 0 ] ||
		die 78 "the numbers in $haul/hosts make $fixed mailboxes at once, and total-jobs in [fleet] allows $cap"
	for line in "${named[@]}"; do echo "$line"; done
	for ((i = 0; i < ${#others[@]} && i < left; i++)); do
		echo "$((left / ${#others[@]} + (i < left % ${#others[@]})))/${others[i]}"
	done
}

# "code name" of those of the list that are through, by what the log says of each last.
through() {
	touch "$joblog"
	awk -F '\t' 'listed == 0 { list[$1]; next } NF >= 9 {
		name = $9
		sub(/.* /, "", name)
		gsub(/[\\\047]/, "", name) # as parallel quotes it
		if (!(name in list)) next
		if ($8 == 0 && $7 ~ /^(0|1|64|65|77|78)$/) code[name] = $7
		else delete code[name]
	} END { for (name in code) print code[name], name }' "$haul/lists/$list" listed=1 "$joblog"
}

# The others.
pending() {
	through | awk '!listed { done[$2]; next } !($1 in done)' - listed=1 "$haul/lists/$list"
}

# By how bad: 77 before 1 before 0, and what is wrong here before all.
code() {
	through | awk -v pending="$1" '{ seen[$1] } END {
		n = split("78 65 64 77 1", order, " ")
		for (i = 1; i <= n; i++) if (order[i] in seen) { print order[i]; exit }
		print pending ? 75 : 0 }'
}

# parallel begins nothing more after the first, and ends what runs after the second.
stop() {
	stopped=1
	[ -n "$parallel" ] && kill -TERM "$parallel" 2>/dev/null && sleep 0.3 && kill -TERM "$parallel" 2>/dev/null
}

all() {
	local round left tmp rows
	command -v parallel >/dev/null || die 69 "there is no GNU parallel: install Debian's package parallel"
	exec 9>"$haul/parallel.lock"
	flock -n 9 || die 75 "another parallel.sh works on $haul"
	rows=$(wc -l <"$haul/lists/$list") || exit 69
	tmp=$(mktemp -d /tmp/mbhaul.XXXXXX) || exit 69
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	share_out >"$tmp/hosts"
	[ -s "$tmp/hosts" ] || die 78 "there is no machine in $haul/hosts"
	# A file, since parallel takes words apart at blanks.
	printf 'exec bash %q --to-host "$@"\n' "$haul/parallel.sh" >"$tmp/ssh"
	trap stop TERM INT HUP
	for ((round = 1; round <= ${MBHAUL_ROUNDS:-50}; round++)); do
		pending >"$tmp/pending"
		if [ ! -s "$tmp/pending" ] || [ -n "$stopped" ]; then break; fi
		if [ "$round" -gt 1 ]; then
			echo "mbhaul: $(wc -l <"$tmp/pending") of $rows mailboxes are asked again"
		fi
		parallel --plain --jobs 100% --sshloginfile "$tmp/hosts" --ssh "bash $tmp/ssh" --sshdelay 0.2 \
			--joblog "+$joblog" --termseq TERM,20000,KILL,25 --line-buffer \
			bash "$(printf %q "$haul/parallel.sh")" --on-host "$pause" '{}' <"$tmp/pending" 9>&- &
		parallel=$!
		until wait "$parallel"; do kill -0 "$parallel" 2>/dev/null || break; done
		parallel=
	done
	left=$(pending | wc -l)
	left=$((left))
	through | awk -v rows="$rows" -v left="$left" '{ n[$1]++ } END {
		printf "%d mailboxes: %d done", rows, n[0]
		if (n[1]) printf ", %d with messages that could not be copied", n[1]
		if (n[77]) printf ", %d where somebody must act", n[77]
		if (n[64] + n[65] + n[78]) printf ", %d where something is wrong here", n[64] + n[65] + n[78]
		if (left) printf ", %d not through", left
		print "" }'
	round=$(code "$left")
	if [ "$left" = 0 ]; then
		mv "$joblog" "$joblog.last" # the next one is another pass
	else
		echo "mbhaul: the same command goes on from here"
	fi
	exit "$round"
}

case ${1:-} in
--on-host) on_host "$2" "$3" ;;
--to-host) shift && to_host "$@" ;;
'') all ;;
*) die 64 "usage: bash parallel.sh" ;;
esac
