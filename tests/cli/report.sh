#!/bin/bash
# mbhaul report: the three files of made-up hauls, and the page in a browser. $1: the build folder.
# sanitizers: yes
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1
unset MBHAUL_CONFIG XDG_CONFIG_HOME
export HOME=$top/home LC_ALL=C.UTF-8 TZ=Europe/Zurich
mkdir home
failed=0

check() { # name status
	if [ "$2" = 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		failed=1
	fi
}
made() { # folder, options: a haul and its report, the exit code in $rc
	local dir=$1
	shift
	python3 "$here/tests/lab/madeup.py" "$dir" "$@" && report "$dir" >out 2>err
	rc=$?
}
report() { # folder, options
	local dir=$1
	shift
	"$build/mbhaul" --config "$dir/mbhaul.conf" report "$@"
}

# ---- a haul of everything ----
made haul --mailboxes 300 --seed 3
check "the report of a haul is made" $rc
grep -qE '^[0-9]+ of 300 mailboxes are complete, [0-9]+ but for some messages: .*/haul/report.html$' out
check "... and says so in a line" $?
[ "$(cd haul/haul && stat -c %a report.html results.csv results.json | sort -u)" = 600 ]
check "the three files are closed to others" $?
[ -z "$(find haul/haul -maxdepth 1 -name '*.tmp')" ]
check "nothing is left beside them" $?
for seconds in 0.01 0.02 0.03 0.05; do
	timeout -s TERM $seconds "$build/mbhaul" --config haul/mbhaul.conf report >/dev/null 2>&1
done
[ -z "$(find haul/haul -maxdepth 1 -name '*.tmp')" ]
check "... nor by one that is stopped" $?
[ "$(stat -c %s haul/haul/report.html)" -lt $((300 * 1500 + 400000)) ]
check "the page has less than 1.5 KB a mailbox" $?
! grep -qE 'contoso\.secret|this-is-the-client-secret|passwords/|secret-file' haul/haul/report.html haul/haul/results.*
check "no secret, and no path of one, stands in them" $?
for word in contoso.onmicrosoft.com 11111111-2222-3333-4444-555555555555 mail.example.com XOAUTH2 Projects/Old 'Gesendete Elemente' \
	'1\.4\.4' '1\.5\.1' 'UTC+0[12]:00'; do
	grep -q "$word" haul/haul/report.html
	check "the settings tell $word" $?
done
for form in --json --prometheus; do
	"$build/mbhaul" --config haul/mbhaul.conf status $form >/dev/full 2>err
	[ $? = 69 ] && grep -q 'standard output' err
	check "status $form that could not be written whole is an error" $?
done
grep -oE '(src|href|url|action)[=(]["'\'']?(https?:)?//[^ ]*|@import' haul/haul/report.html >out
[ ! -s out ]
check "the page fetches nothing from anywhere" $?
python3 - haul/haul "$here/driver/mbhaul.1" >out 2>&1 <<'END'
import csv, json, sys
haul = sys.argv[1]
with open(haul + '/results.csv', encoding='utf-8', newline='') as f:
    text = f.read()
assert text.startswith('\ufeff"Email","Destination"') and text.count('\r\n') == 301 and text.replace('\r\n', '').count('\n') == 0
rows = list(csv.DictReader(text[1:].splitlines()))
data = json.load(open(haul + '/results.json', encoding='utf-8'))
assert data['version'] == 1 and len(data['mailboxes']) == len(rows) == data['sum']['mailboxes_total'] == 300
for row, box in zip(rows, data['mailboxes']):
    assert row['Email'] == box['address'] and row['State'] == box['state'] and int(row['Copied']) == box['copied'], row
    assert len(box['folders']) in (0, 20)
assert sum(data['sum']['states'].values()) == 300
assert data['sum']['copied'] == sum(int(r['Copied']) for r in rows)
assert any(m['subject'] and m['reason'] for b in data['mailboxes'] for m in b['uncopied'])
END
check "results.csv and results.json can be read, and say the same" $?
sed 's/^/# /' out

# ---- what the command takes and gives ----
report haul --quiet >out 2>&1 && [ ! -s out ]
check "--quiet says nothing" $?
report haul -q -o elsewhere.html && [ -s elsewhere.html ] && [ "$(stat -c %a elsewhere.html)" = 600 ]
check "-o writes the page to another place" $?
report haul x >out 2>&1
[ $? = 64 ]
check "an argument is refused" $?
report haul -q -o no/such/folder/x.html >out 2>&1
[ $? = 69 ] && [ -z "$(find haul/haul -maxdepth 1 -name '*.tmp')" ]
check "a place that cannot be written to is an error, and leaves nothing behind" $?
for i in 1 2 3 4 5 6; do report haul -q & done
wait
tail -c 20 haul/haul/report.html | grep -q '</html>' && python3 -m json.tool haul/haul/results.json >/dev/null
check "several at once leave whole files" $?
made new --mailboxes 3 --unverified
rm -rf new/haul
report new -q && grep -q 'have not been begun' new/haul/report.html && grep -q 'Nothing yet' new/haul/report.html
check "a haul that was not begun has a report too" $?
made plain --mailboxes 1 --unverified && grep -q 'The mailbox is complete\.' plain/haul/report.html
check "one mailbox is spoken of as one" $?

# ---- damage, hostile content ----

# ---- nothing is known, nothing is there, one mailbox ----
single() { # a ledger: the page of a haul of that mailbox alone
	rm -rf single && python3 "$here/tests/lab/madeup.py" single --mailboxes 1 --unverified && rm -f single/haul/check.jsonl &&
		echo "$1" >"$(echo single/haul/mailboxes/*)/status.json" && report single >out 2>err
}
single '{"version":1,"state":"refused","code":77,"verdict":"not-granted","text":"no","first":1795000000,"started":1795000000,"finished":1795000009,"updated":1795000009}'
grep -q '<h1>The mailbox is not complete' single/haul/report.html && grep -q 'of 0 <span>and those of 1 mailbox that could not be counted yet' single/haul/report.html &&
	! grep -qE '<dt>(Data|Copied)' single/haul/report.html
check "of a mailbox that was refused nothing is known, and nothing was copied" $?
single '{"version":1,"state":"left","code":1,"messages":3,"copied":2,"first":1795000000,"finished":1795000009,"updated":1795000009,"uncopied":[{"folder":"F","uid":1,"kind":"refused"}]}'
grep -q '<h1>The mailbox is complete but for some' single/haul/report.html && grep -q '<p class=lead>1 is complete but' single/haul/report.html &&
	! grep -q '0 B' single/haul/report.html
check "one mailbox that is complete but for a message" $?

made hostile --mailboxes 60 --hostile --damaged
[ $rc = 78 ] && grep -q 'status.json is damaged' err && grep -q 'files of 1 more are damaged' err
check "a damaged file does not stop the report, and gives 78" $?
[ "$(grep -c '^.*,"damaged",' hostile/haul/results.csv)" = 2 ]
check "... and its mailbox is shown as damaged" $?
grep -q "$top/hostile/haul/mailboxes/.*status.json is damaged" err && ! grep -qF "$top" hostile/haul/report.html hostile/haul/results.csv hostile/haul/results.json
check "... but where the haul lies is told to the operator only" $?
python3 - hostile/haul >out 2>&1 <<'END'
import csv, json, re, sys
haul = sys.argv[1]
with open(haul + '/results.csv', encoding='utf-8-sig', newline='') as f:
    for row in csv.reader(f):
        for cell in row:
            assert not re.match('[=+\\-@\t\r]', cell), cell
            assert not re.search('[\x00-\x1f\x7f]', cell), cell
data = json.load(open(haul + '/results.json', encoding='utf-8'))
subjects = {m.get('subject') for b in data['mailboxes'] for m in b['uncopied']}
assert '<script>window.pwned=1</script>' in subjects and 'x' * 10000 in subjects
END
check "results.csv has no formula, and results.json every subject as it was" $?
sed 's/^/# /' out

# ---- while something is at work ----
python3 "$here/tests/lab/madeup.py" live --mailboxes 40 --live --seed 5 --hours 30
report live -q
! grep -q data-live live/haul/report.html && grep -q 'Copying was broken off' live/haul/report.html && ! grep -q 'class="line estimate"' live/haul/report.html
check "a ledger that says running, and whose lock nobody holds, was broken off: no renewal, no estimate" $?
python3 - live "$build/mbhaul" <<'END'
import fcntl, glob, json, subprocess, sys
held = []
for path in glob.glob(sys.argv[1] + '/haul/mailboxes/*/status.json'):
    if json.load(open(path)).get('state') == 'running':
        held.append(open(path.replace('status.json', 'lock')))
        fcntl.flock(held[-1], fcntl.LOCK_EX)
sys.exit(subprocess.call([sys.argv[2], '--config', sys.argv[1] + '/mbhaul.conf', 'report', '-q']))
END
check "a report is made while mailboxes are being copied" $?
grep -q '<html lang=en data-live' live/haul/report.html
check "... and renews itself" $?

# ---- in a browser ----
# A page made with sanitizers is the same page.
case $(objdump -p "$build/mbhaul") in *libasan*) exit $failed ;; esac
if ! command -v chromium >/dev/null; then
	echo "skip - the page in a browser (there is no chromium)"
	exit $failed
fi
for what in page hostile live; do
	case $what in page) dir=haul ;; *) dir=$what ;; esac
	timeout 300 python3 "$here/tests/lab/report_page.py" $what $dir/haul || failed=1
done
exit $failed
