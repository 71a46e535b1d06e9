#!/bin/bash
# mbhaul init and generate: what they write, what they refuse, and that mbsync understands it. $1: the build folder.
set -u
build=$(cd "${1:-build}" && pwd)
mbhaul=$build/mbhaul
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1
unset MBHAUL_CONFIG XDG_CONFIG_HOME SASL_PATH
export HOME=$top/home LC_ALL=C.UTF-8
mkdir home
failed=0

check() { # name; the status of the command before
	if [ "$2" = 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		failed=1
	fi
}

# A folder of its own with a configuration; $1: name, $2: more lines of [fleet], $3: those of [relay]
place() {
	mkdir -p "$top/$1"
	cat >"$top/$1/mbhaul.conf" <<-END
		[profile contoso]
		tenant = contoso.onmicrosoft.com
		client-id = 11111111-2222-3333-4444-555555555555
		credential = secret-file contoso.secret
		domains = contoso.com
		[source]
		profile = contoso
		[destination]
		host = imap.example.com
		[fleet]
		jobs = 4
		${2:-}
		[relay]
		${3:-}
	END
	cd "$top/$1" || exit 1
}

# ---- init ----
"$mbhaul" init new >out 2>&1
check "init makes a configuration and a CSV" $?
[ "$(stat -c %a new/mbhaul.conf)$(stat -c %a new/mailboxes.csv)" = 600600 ]
check "init closes both to others" $?
cp new/mbhaul.conf before
"$mbhaul" init new >out 2>&1
[ $? = 78 ] && cmp -s before new/mbhaul.conf && grep -q 'new/mbhaul.conf is there already' out
check "init never writes over a file" $?
mkdir half && ln -s nowhere half/mailboxes.csv
"$mbhaul" init half >out 2>&1
[ $? = 78 ] && [ ! -e half/mbhaul.conf ] && [ ! -e half/nowhere ]
check "init leaves a dangling link and makes none of the two" $?
(cd new && "$mbhaul" generate >../out 2>&1) && grep -qx '1 mailbox: 1 written, 0 unchanged' out
check "the sample can be generated" $?

# ---- the command line ----
"$mbhaul" >out 2>&1
[ $? = 64 ]
check "no command is a usage error" $?
"$mbhaul" frobnicate >out 2>&1
[ $? = 64 ]
check "an unknown command is a usage error" $?
"$mbhaul" --help >out 2>&1 && grep -q generate out && "$mbhaul" help init >out 2>&1 && grep -q 'usage: mbhaul init' out &&
	"$mbhaul" --version >out && grep -q '^mbhaul [0-9]' out
check "help and version" $?

# ---- the haul directory ----
place plain
printf 'Email,Destination,DestinationPassword\n%s\n%s\n' "o'brien+x@contoso.com,ob@example.com,s3cr'et pw" \
	'R&D#1@contoso.com,,' >mailboxes.csv
chmod 600 mailboxes.csv
"$mbhaul" generate >out 2>err && grep -qx '2 mailboxes: 2 written, 0 unchanged' out && [ ! -s err ]
check "generate writes two mailboxes" $?
box="haul/mailboxes/o%27brien+x@contoso.com"
[ -f "$box/mbsyncrc" ] && [ -f 'haul/mailboxes/r%26d%231@contoso.com/mbsyncrc' ] &&
	[ "$(stat -c %a haul "$box" "$box/mbsyncrc" "$box/sync.sh" | tr '\n' ' ')" = '700 700 600 700 ' ]
check "folders are percent-encoded, modes are private" $?
[ -d haul ] && ! grep -rq "s3cr" haul
check "no password in any generated file" $?
[ "$(stat -c %a "$box/source.account" "$box/destination.account" | tr '\n' ' ')" = '600 600 ' ]
check "the account files are private" $?
cp -a haul copy
touch "$top/before"
sleep 0.02 # a file's time is that of the last tick
"$mbhaul" generate >out 2>&1 && grep -qx '2 mailboxes: 0 written, 2 unchanged' out && diff -r haul copy &&
	[ "$(find haul -newer "$top/before" -type f | wc -l)" = 0 ]
check "the same input leaves every file alone" $?
rm -rf haul && "$mbhaul" generate >out 2>&1 && diff -r haul copy
check "the same input gives the same bytes" $?
echo >>"$box/mbsyncrc"
"$mbhaul" generate "O'BRIEN+x@contoso.com" >out 2>&1 && grep -qx '1 mailbox: 1 written, 0 unchanged' out && diff -r haul copy
check "one mailbox by its address" $?
"$mbhaul" generate nobody@contoso.com >out 2>&1
[ $? = 64 ] && grep -q 'nobody@contoso.com is not in' out
check "an address that is not in the CSV" $?
(cd / && "$mbhaul" --config "$top/plain/mbhaul.conf" generate >"$top/out" 2>&1) && diff -r haul copy
check "the working directory does not matter" $?
printf 'Email\nR&D#1@contoso.com\n' >mailboxes.csv
"$mbhaul" generate >out 2>err && grep -q '1 folder in .* without a row' err && [ -f "$box/mbsyncrc" ]
check "a row that is gone leaves its folder alone, with one notice" $?
mkdir -p open && chmod 755 open
sed -i 's/^jobs.*/haul = open/' mbhaul.conf
"$mbhaul" generate >out 2>&1
[ $? = 78 ] && grep -q 'chmod 700' out
check "a haul directory that is open to others is refused" $?

# sync.sh calls what it says, with its arguments whole.
place "it's \"odd\""
printf "Email\no'brien+x@contoso.com\n" >mailboxes.csv
"$mbhaul" generate >out 2>&1
sed "s|^exec '$mbhaul'|printf '%s\\\\n'|" "haul/mailboxes/o%27brien+x@contoso.com/sync.sh" >called.sh
sh called.sh >got
printf '%s\n' --config "$PWD/mbhaul.conf" sync "o'brien+x@contoso.com" | cmp -s - got
check "sync.sh quotes its arguments" $?

printf '%s\n' --config "$PWD/mbhaul.conf" sync "o'brien+x@contoso.com" --wait '$x y' >want
sh called.sh --wait '$x y' | cmp -s - want
check "and hands on those that it gets" $?

# ---- for several machines ----
place 'for $x "several" it'"'"'s 100%'
printf "Email\nB@contoso.com\no'brien+x@contoso.com\na@contoso.com\n" >mailboxes.csv
"$mbhaul" generate >out 2>err && [ -f haul/slurm.sbatch ] && [ -f haul/parallel.sh ] && [ ! -e haul/systemd ] && grep -q 'no units for systemd' err
check "all engines by default; a path that no unit can hold is told" $?
"$mbhaul" generate --for systemd >out 2>err
[ $? = 78 ] && grep -q 'double quotes' err
check "and is an error for those who ask for the units" $?
sh -n haul/slurm.sbatch && bash -n haul/parallel.sh && [ "$(stat -c %a haul/slurm.sbatch haul/parallel.sh haul/hosts haul/lists | tr '\n' ' ')" = '700 700 600 700 ' ]
check "the scripts are scripts, and nobody else's" $?
if command -v shellcheck >/dev/null; then
	# SC2016: that nothing is expanded in such a path is meant.
	shellcheck -e SC2016 haul/slurm.sbatch haul/parallel.sh haul/mailboxes/*/sync.sh >out 2>&1
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' out
	check "shellcheck finds nothing in them" $rc
else
	echo "skip - there is no shellcheck here"
fi
list=$(sed -n 's/^list=//p' haul/slurm.sbatch)
[ "$list" = "$(sed -n 's/^list=//p' haul/parallel.sh)" ] && [ "$(cat "haul/lists/$list")" = "$(printf 'b@contoso.com\no%%27brien+x@contoso.com\na@contoso.com')" ]
check "the list has the folders in the order of the CSV" $?
cp -a haul copy
"$mbhaul" generate >out 2>&1 && diff -r haul copy
check "the same input leaves them alone" $?
printf 'Email\na@contoso.com\nc@contoso.com\n' >mailboxes.csv
echo h1 >haul/hosts
"$mbhaul" generate >out 2>&1 && [ "$(sed -n 's/^list=//p' haul/slurm.sbatch)" != "$list" ] && cmp -s "haul/lists/$list" "copy/lists/$list" && [ "$(cat haul/hosts)" = h1 ]
check "another CSV is another list, the old one stays, and so do the hosts" $?
"$mbhaul" generate a@contoso.com >out 2>&1 && [ "$(cat "haul/lists/$(sed -n 's/^list=//p' haul/slurm.sbatch)" | wc -l)" = 2 ]
check "for one mailbox the scripts stay those of all" $?
"$mbhaul" generate --for parallel a@contoso.com >out 2>&1 && [ "$(cat "haul/lists/$(sed -n 's/^list=//p' haul/parallel.sh)")" = a@contoso.com ] &&
	[ "$(cat "haul/lists/$(sed -n 's/^list=//p' haul/slurm.sbatch)" | wc -l)" = 2 ]
check "unless they are asked for" $?
"$mbhaul" generate --for slurm,cron >out 2>&1
[ $? = 64 ] && grep -q 'takes slurm, parallel and systemd' out
check "an unknown engine is a usage error" $?
place "units \$x it's 100%" 'total-jobs = 7'
printf 'Email\na@contoso.com\n' >mailboxes.csv
"$mbhaul" generate --for systemd --for slurm >out 2>err && [ ! -s err ] && [ ! -e haul/parallel.sh ] && grep -qx 'cap=7' haul/slurm.sbatch
check "--for can be repeated, and total-jobs is the cap" $?
if command -v systemd-analyze >/dev/null; then
	# Of a unit's own user, not of root, as for whoever is no root.
	for unit in mbhaul-run mbhaul-token; do
		sed 's/^User=root$/User=daemon/' haul/systemd/$unit.service >"$top/$unit.service"
		score=$(systemd-analyze security --offline=true "$top/$unit.service" 2>/dev/null | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
		[ -n "$score" ] && awk -v s="$score" 'BEGIN { exit !(s <= 2.0) }'
		check "systemd-analyze security says $score of $unit.service, at most 2.0" $?
	done
	cp haul/systemd/* "$top/"
	systemd-analyze verify --man=no "$top"/mbhaul-run.service "$top"/mbhaul-run.timer "$top"/mbhaul-token.socket >out 2>&1
	rc=$?
	grep -F "$top" out >told || grep mbhaul- out >told
	[ $rc = 0 ] && [ ! -s told ]
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' out
	check "systemd-analyze verify finds nothing in the units" $rc
else
	echo "skip - there is no systemd-analyze here"
fi

# ---- the configuration ----
place conf
printf 'Email\na@contoso.com\n' >mailboxes.csv
chmod 666 mbhaul.conf
"$mbhaul" generate >out 2>&1
[ $? = 78 ] && grep -q 'chmod go-w' out && [ ! -e haul ]
check "a configuration that others may change is refused" $?
chmod 600 mbhaul.conf
sed -i 's/^jobs/jobz/' mbhaul.conf
"$mbhaul" generate >out 2>&1
[ $? = 78 ] && grep -q "mbhaul.conf:11: unknown key 'jobz' in \[fleet\] (did you mean 'jobs'?)" out && [ ! -e haul ]
check "an unknown key is refused with its line" $?
rm mbhaul.conf
"$mbhaul" generate >out 2>&1
[ $? = 78 ] && grep -q 'mbhaul init' out
check "no configuration: says where it looked" $?

# ---- bad CSVs: one clear message each, exit 65, nothing written ----
place bad
ls -A "$top" >"$top/listed"
bad() { # name, pattern of the message; the CSV on stdin
	cat >mailboxes.csv
	"$mbhaul" generate >out 2>err
	local rc=$?
	[ $rc = 65 ] && [ ! -s out ] && [ "$(grep -vc '^  hint: ' err)" = 1 ] && grep -q -- "$2" err && [ ! -e haul ] &&
		[ "$(wc -c <err)" -lt 1000 ]
	check "bad CSV: $1" $?
}
bad 'no header' ':1: the first line is a mailbox' < <(printf 'a@contoso.com\nb@contoso.com\n')
bad 'wrong column' ':1: the header has no column Email: rename `UserPrincipalName`' \
	< <(printf 'UserPrincipalName\na@contoso.com\n')
bad 'empty' 'the file is empty' </dev/null
bad 'header only' 'no mailbox below it' < <(printf 'Email\n')
bad 'not UTF-8' ':2: the line is not UTF-8' < <(printf 'Email\nb\351@contoso.com\n')
bad 'UTF-16' 'the file is UTF-16' < <(printf '\377\376E\0m\0a\0i\0l\0')
bad 'duplicate' ':3: A@contoso.com stands in line 2 already' < <(printf 'Email\na@contoso.com\nA@contoso.com\n')
bad 'quote never closed' ':2: the double quote' < <(printf 'Email\n"a@contoso.com\nb@contoso.com\n')
bad '1 MB field' ':2: a field is longer than' < <(
	printf 'Email\n'
	head -c 1048576 /dev/zero | tr '\0' a
	printf '@contoso.com\n'
)
bad 'NUL' ':2: the line holds a NUL byte' < <(printf 'Email\na\0@contoso.com\n')
bad 'a slash' ':2: Email holds a slash' < <(printf 'Email\n../../a@contoso.com\n')
bad 'two dots' ':2: Email begins with a dot' < <(printf 'Email\n..\n')
bad 'a double quote' ':2: Email holds a double quote' < <(printf 'Email\n"a""b@contoso.com"\n')
bad 'a newline' ':2: Email holds a line break' < <(printf 'Email\n"a\nb@contoso.com"\n')
bad 'a leading dash' ':2: Email begins with a dash' < <(printf 'Email\n-rf@contoso.com\n')
bad 'a foreign domain' 'does not serve the domain of line 2: fabrikam.com' < <(printf 'Email\na@fabrikam.com\n')
ls -A "$top" | cmp -s - "$top/listed"
check "bad CSVs leave nothing outside the haul directory" $?
printf 'Email\nbad\na@contoso.com\nb c@contoso.com\n' >mailboxes.csv
"$mbhaul" generate >out 2>err
[ $? = 65 ] && grep -q ':2: Email has no @' err && grep -q ':4: Email holds a blank' err && [ ! -e haul ]
check "all bad rows are told in one pass" $?
printf 'Email,DestinationPassword\na@contoso.com,t0psecret\n' >mailboxes.csv
chmod 644 mailboxes.csv
"$mbhaul" generate >out 2>err
[ $? = 78 ] && grep -q "chmod 600" err && ! grep -q t0psecret err && [ ! -e haul ]
check "a CSV with passwords must be closed to others" $?
for form in '\357\273\277"Email"\r\n"a@contoso.com"\r\n' 'Email;Name\na@contoso.com;x,y\n' 'Email\r\na@contoso.com\r\n'; do
	printf "$form" >mailboxes.csv
	rm -rf haul
	"$mbhaul" generate >out 2>err && [ -f haul/mailboxes/a@contoso.com/mbsyncrc ]
	check "understood: $form" $?
done

# ---- the relay ----
place accounts
printf 'Email,Destination,DestinationPassword,DestinationPasswordFile\n%s\n%s\n%s\n' 'row@contoso.com,r@example.com,s3cr;t,' \
	'file@contoso.com,f@example.com,,pw/f#1' 'none@contoso.com,,,' >mailboxes.csv
chmod 600 mailboxes.csv
has() { # lines that must stand in the file
	local file=$1
	shift
	for line in "$@"; do grep -qxF -- "$line" "$file" || { echo "# $file has no line: $line"; return 1; }; done
}
"$mbhaul" generate >out 2>&1
boxes=$PWD/haul/mailboxes
has "$boxes/row@contoso.com/source.account" '[account]' 'host = outlook.office365.com' 'port = 993' 'tls = imaps' 'auth = XOAUTH2' \
	'user = row@contoso.com' 'timeout = 120' 'profile = contoso' "helper = $build/mbhaul-token" "config = $PWD/mbhaul.conf" \
	'mailbox = row@contoso.com' '[relay]' 'connections = 4' "slots = $boxes/row@contoso.com/slots" \
	"events = $boxes/row@contoso.com/events" 'memory = 33554432' 'bytes-per-second = 0' 'messages-per-second = 0' 'patience = 1800' &&
	grep -q "^sasl-path = $build/sasl2:/" "$boxes/row@contoso.com/source.account" &&
	! grep -q password "$boxes/row@contoso.com/source.account"
check "the source's account" $?
has "$boxes/row@contoso.com/destination.account" 'host = imap.example.com' 'auth = PLAIN' 'user = r@example.com' "program = $mbhaul" \
	"config = $PWD/mbhaul.conf" 'mailbox = row@contoso.com' 'batch-messages = 64' 'batch-bytes = 4194304' &&
	! grep -qE '^(slots|helper|profile|password-file) ' "$boxes/row@contoso.com/destination.account"
check "the destination's account, with the password in the row" $?
has "$boxes/file@contoso.com/destination.account" "password-file = \"$PWD/pw/f#1\"" &&
	! grep -q '^program' "$boxes/file@contoso.com/destination.account"
check "the destination's account, with the password in a file" $?
! grep -rq 's3cr' haul
check "no secret in an account" $?
rc=$boxes/row@contoso.com/mbsyncrc
has "$rc" "Tunnel \"exec '$build/mbhaul-relay' source --account '$boxes/row@contoso.com/source.account'\"" \
	"Tunnel \"exec '$build/mbhaul-relay' destination --account '$boxes/row@contoso.com/destination.account'\"" &&
	! grep -qE '^(Host|Port|SSL|TLS|AuthMechs|User|PassCmd|CertificateFile)' "$rc" && grep -q '^# Without mbhaul-relay: .*use = no' "$rc"
check "mbsync gets to both through the relay" $?
cp -a haul copy && "$mbhaul" generate >out 2>&1 && grep -qx '3 mailboxes: 0 written, 3 unchanged' out && diff -r haul copy &&
	rm -rf haul && "$mbhaul" generate >out 2>&1 && diff -r haul copy
check "the same input gives the same accounts" $?
cat >>mbhaul.conf <<-'END'
	connections = 2
	memory = 8M
	batch-messages = 10
	batch-bytes = 1M
	bytes-per-second = 3M
	messages-per-second = 9
	patience = 5m
END
sed -i 's/^jobs.*/timeout = 77/; s/^host = imap.*/&\nuser = u+%a\npassword-file = pw\/%a\ntls = starttls\nca-file = ca.pem\nauth = scram-sha-256/' mbhaul.conf
"$mbhaul" generate >out 2>&1 && grep -qx '3 mailboxes: 3 written, 0 unchanged' out &&
	has "$boxes/none@contoso.com/destination.account" "password-file = $PWD/pw/none@contoso.com" 'user = u+none@contoso.com' 'port = 143' \
		'tls = starttls' "ca-file = $PWD/ca.pem" 'auth = SCRAM-SHA-256' 'timeout = 77' 'memory = 8388608' 'batch-messages = 10' \
		'batch-bytes = 1048576' 'bytes-per-second = 3145728' 'messages-per-second = 9' 'patience = 300' &&
	has "$boxes/row@contoso.com/destination.account" "program = $mbhaul" && has "$boxes/row@contoso.com/source.account" 'connections = 2'
check "the keys of [relay] and [destination] reach the accounts" $?
SASL_PATH=relative:/other "$mbhaul" generate >out 2>&1 &&
	grep -q "^sasl-path = $build/sasl2:/other:/" "$boxes/row@contoso.com/source.account"
check "of SASL_PATH the absolute folders reach the accounts" $?
echo 'use = no' >>mbhaul.conf
"$mbhaul" generate >out 2>&1 && ! grep -qi -e tunnel -e relay "$rc" && grep -qx 'Host "imap.example.com"' "$rc" && grep -q '^PassCmd ' "$rc" &&
	[ -f "$boxes/row@contoso.com/source.account" ]
check "with use = no mbsync connects by itself, and nothing is removed" $?
mkdir "$top/bin" && cp "$mbhaul" "$build/mbhaul-token" "$top/bin"
sed -i 's/^use = no/use = yes/' mbhaul.conf
if [ -x /usr/local/bin/mbhaul-relay ]; then
	echo "ok - skipped: there is an installed mbhaul-relay"
else
	"$top/bin/mbhaul" generate >out 2>&1
	[ $? = 69 ] && grep -q 'cannot run .*/mbhaul-relay' out && grep -q 'use = no' out
	check "a relay that is not there is told, with the way to go without" $?
fi

# ---- mbsync ----
fake() { # version, path
	printf '#!/bin/sh\necho "isync %s"\n' "$1" >"$2"
	chmod 755 "$2"
}
place new-dialect 'mbsync = ./mbsync' 'use = no'
fake 1.5.1 mbsync
printf 'Email\na@contoso.com\n' >mailboxes.csv
"$mbhaul" generate >out 2>&1 && grep -q '^TLSType IMAPS$' haul/mailboxes/a@contoso.com/mbsyncrc &&
	grep -q '^Sync PullNew PullOld PullFlags$' haul/mailboxes/a@contoso.com/mbsyncrc
check "the dialect of mbsync 1.5" $?
fake 1.4.4 mbsync
"$mbhaul" generate >out 2>&1 && grep -q '^SSLType IMAPS$' haul/mailboxes/a@contoso.com/mbsyncrc
check "the dialect of mbsync 1.4" $?
rm mbsync
"$mbhaul" generate >out 2>err && grep -q 'cannot run .*/mbsync' err && grep -q 'writing for mbsync 1.4' err
check "without mbsync it says so and writes for 1.4" $?
printf '{"version":1,' >haul/mailboxes/a@contoso.com/folders.json
"$mbhaul" generate >out 2>err
[ $? != 0 ] && grep -q 'folders.json' err && [ "$(cat haul/mailboxes/a@contoso.com/folders.json)" = '{"version":1,' ]
check "a damaged folders.json is named and kept" $?

# Is every line understood? A channel that does not exist is the only complaint then.
parses() { # command, file
	$1 -c "$2" -l nosuch >out 2>&1
	! grep -vx -e "No channel or group named 'nosuch' defined." -e "No channel specified. Try 'mbsync -h'" out &&
		grep -q nosuch out
}
plan() { # file: folders.json with awkward names
	cat >"$1" <<-'END'
		{"version": 1, "source_delimiter": "/", "destination_delimiter": ".", "folders": [
		 {"source": "INBOX", "destination": "INBOX", "why": "x", "channel": 1},
		 {"source": "Éléments envoyés", "destination": "Sent", "special": "Sent", "why": "x", "channel": 2},
		 {"source": "say \"hi\" \\ #1/R&D", "destination": "say \"hi\" \\ #1/R&D", "why": "x", "channel": 3}],
		 "excluded": []}
	END
}
if command -v mbsync >/dev/null; then
	place "real 'n' \"quoted\" \\ # mbsync"
	printf "Email\no'brien+x@contoso.com\n" >mailboxes.csv
	"$mbhaul" generate >out 2>&1
	rc="$PWD/haul/mailboxes/o%27brien+x@contoso.com/mbsyncrc"
	parses mbsync "$rc"
	check "mbsync understands the configuration" $?
	plan "${rc%mbsyncrc}folders.json"
	"$mbhaul" generate >out 2>&1 && grep -q '^Channel c0003$' "$rc" && parses mbsync "$rc"
	check "mbsync understands the configuration with folders" $?
	echo 'use = no' >>mbhaul.conf
	"$mbhaul" generate >out 2>&1 && ! grep -q '^Tunnel' "$rc" && parses mbsync "$rc"
	check "mbsync understands the configuration without the relay" $?

	# Does the command line arrive as it is meant? Another program in place of the relay tells.
	place "tunnel 'n' \"quoted\" \\ # \$HOME"
	mkdir "bin 'n' \"\$x\" \\ #" && cd bin* && mkdir sasl2 && cp "$mbhaul" "$build/mbhaul-token" .
	printf '#!/bin/sh\nprintf "%%s|%%s|%%s|%%s|%%s\\n" "$0" "$@" "$#" >>"%s/args"\necho "* BYE no"\n' "$top" >mbhaul-relay
	chmod 755 mbhaul-relay
	beside=$PWD
	cd ..
	printf "Email\no'brien+x@contoso.com\n" >mailboxes.csv
	box="$PWD/haul/mailboxes/o%27brien+x@contoso.com"
	for version in 1.4 1.5; do
		program=mbsync
		[ $version = 1.4 ] || program=$("$here/tests/lab/mbsync15" 2>/dev/null) || { echo "ok - skipped: no mbsync 1.5"; continue; }
		[ $version = 1.4 ] || sed -i "s|^jobs.*|mbsync = $program|" mbhaul.conf
		rm -rf "$top/args" haul
		"$beside/mbhaul" generate >out 2>&1
		$program -c "$box/mbsyncrc" inbox >out 2>&1
		for side in destination source; do
			printf '%s\n' "$beside/mbhaul-relay|$side|--account|$box/$side.account|3"
		done >"$top/wanted"
		# mbsync does not wait for its tunnels.
		for ((i = 0; i < 50; i++)); do
			sort -u "$top/args" >got
			cmp -s got "$top/wanted" && break
			sleep 0.1
		done
		cmp -s got "$top/wanted"
		check "mbsync $version runs the tunnels with their arguments whole" $?
	done

	# The same with Maildirs for servers: which folders does it copy, and does it copy them once?
	place maildir
	printf 'Email\na@contoso.com\n' >mailboxes.csv
	"$mbhaul" generate >out 2>&1
	local_rc() { # replaces the two stores of the generated file
		awk -v t="$PWD" '
			/^IMAPStore / { skip = 1; print "MaildirStore " $2; print "Path " t "/" $2 "/"
				print "Inbox " t "/" $2 "/INBOX"; print "SubFolders Verbatim"; next }
			/^$/ { skip = 0 }
			!skip' haul/mailboxes/a@contoso.com/mbsyncrc >local.rc
	}
	# Maildirs are read as UTF-8 by 1.5 only: ASCII names serve both.
	for f in INBOX 'Sent Items' 'Sent Items/2023' Calendar Kalender Kalender/Geburtstage Projects Projects/Notes \
		'Sync Issues' 'Sync Issues/Conflicts'; do
		mkdir -p "source/$f/cur" "source/$f/new" "source/$f/tmp"
		printf 'Subject: %s\nMessage-ID: <%s>\n\nx\n' "$f" "${#f}" >"source/$f/cur/1.M1.x:2,S"
	done
	mkdir -p destination
	local_rc
	mbsync -c local.rc -a >out 2>&1
	check "a plain mbsync run ends well" $?
	(cd destination && find . -name cur -printf '%h\n' | sort | tr '\n' ' ') >got
	[ "$(cat got)" = './INBOX ./Projects ./Projects/Notes ./Sent Items ./Sent Items/2023 ' ]
	check "it copies the folders with mail, and no others" $?
	cat >haul/mailboxes/a@contoso.com/folders.json <<-'END'
		{"version": 1, "source_delimiter": "/", "destination_delimiter": "/", "folders": [
		 {"source": "INBOX", "destination": "INBOX", "why": "x", "channel": 1},
		 {"source": "Projects", "destination": "Projects", "why": "x", "channel": 2},
		 {"source": "Projects/Notes", "destination": "Projects/Notes", "why": "x", "channel": 3},
		 {"source": "Sent Items", "destination": "Sent Items", "special": "Sent", "why": "x", "channel": 4},
		 {"source": "Sent Items/2023", "destination": "Sent Items/2023", "why": "x", "channel": 5}],
		 "excluded": []}
	END
	"$mbhaul" generate >out 2>&1
	local_rc
	mbsync -c local.rc -a >out 2>&1 && [ "$(find destination -type f -path '*/cur/*' -o -type f -path '*/new/*' | wc -l)" = 5 ]
	check "a folder's own channel goes on from the same state" $?
	rm "source/Sent Items/cur"/* && mbsync -c local.rc all >out 2>&1
	[ "$(find "destination/Sent Items/cur" "destination/Sent Items/new" -type f | wc -l)" = 1 ]
	check "what vanishes from the source stays at the destination" $?
	rm destination/Projects/cur/* destination/Projects/new/* 2>/dev/null
	mbsync -c local.rc all >out 2>&1 && [ "$(find source/Projects/cur -type f | wc -l)" = 1 ]
	check "what vanishes from the destination stays at the source" $?
else
	echo "ok - skipped: there is no mbsync here"
fi

# mbsync 1.5 in a chroot, for instance one by debootstrap of Debian 13 with the package isync.
if [ -n "${MBHAUL_TRIXIE:-}" ] && [ -x "$MBHAUL_TRIXIE/usr/bin/mbsync" ] && [ "$(id -u)" = 0 ]; then
	place new-real 'mbsync = ./mbsync'
	fake 1.5.1 mbsync
	printf "Email\no'brien+x@contoso.com\n" >mailboxes.csv
	inside=$(mktemp -d "$MBHAUL_TRIXIE/tmp/mbhaul.XXXXXX")
	for step in wildcard folders; do
		[ $step = wildcard ] || plan "haul/mailboxes/o%27brien+x@contoso.com/folders.json"
		"$mbhaul" generate >out 2>&1
		cp "haul/mailboxes/o%27brien+x@contoso.com/mbsyncrc" "$inside/rc"
		HOME=/ parses "chroot $MBHAUL_TRIXIE mbsync" "/tmp/${inside##*/}/rc"
		check "mbsync 1.5 understands the configuration ($step)" $?
	done
	rm -rf "$inside"
else
	echo "ok - skipped: MBHAUL_TRIXIE names no folder with mbsync 1.5"
fi
exit $failed
