#!/bin/bash
# No secret leaves its place: everything is run, well and refused, and every output, every file of the haul, and all the
# time every process's command line and environment are searched for every known secret in every form.
. "$(dirname "$0")/common.sh"
start_lab --tenant small
cp "$LAB_DIR/mailboxes.csv" "$tmp/good.csv"
forms=$tmp/forms

cat >"$tmp/secrets.py" <<'P'
"""forms LABDIR: writes what must not be seen, one a line. watch FORMS STOP: searches all processes until STOP exists."""
import base64, csv, glob, json, os, re, sys, time

def forms(lab):
    plain = [open(lab + "/contoso.secret").read().strip()]
    rows = list(csv.DictReader(open(lab + "/mailboxes.csv", newline="", encoding="utf-8")))
    found = set(plain)
    for path in glob.glob(lab + "/cache/*"):
        text = open(path, errors="replace").read()
        for token in re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", text):
            found |= {token, token.split(".")[2], token.split(".")[1]}
            for row in rows:
                first = "user=%s\x01auth=Bearer %s\x01\x01" % (row["Email"], token)
                # The end of the user's part shifts the rest: a piece of the middle is enough.
                found.add(base64.b64encode(first.encode()).decode()[200:400])
            for skip in range(3):
                found.add(base64.b64encode(token[skip:].encode()).decode()[:200])
    for row in rows:
        password = row["DestinationPassword"]
        found |= {password, base64.b64encode(password.encode()).decode()}
        for user in row["Destination"], row["Email"]:
            for who in "", user:
                found.add(base64.b64encode(("%s\0%s\0%s" % (who, user, password)).encode()).decode())
    for secret in plain:
        found.add(base64.b64encode(secret.encode()).decode())
    return {f for f in found if len(f) > 7}

def search(data, wanted, where, out):
    for secret in wanted:
        if secret in data:
            print("%s: ...%s..." % (where, secret[:6].decode(errors="replace")), file=out, flush=True)

def watch(wanted, stop):
    looks = 0
    while not os.path.exists(stop):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                for name in "cmdline", "environ":
                    with open("/proc/%s/%s" % (pid, name), "rb") as f:
                        data = f.read()
                    looks += 1
                    for secret in wanted:
                        if secret in data:
                            print("%s of %s: %s" % (name, pid, data[:60]), flush=True)
            except OSError:
                pass
        time.sleep(0.002)
    print("looks: %d" % looks)

if sys.argv[1] == "forms":
    print(*sorted(forms(sys.argv[2])), sep="\n")
else:
    wanted = [line.encode() for line in open(sys.argv[2]).read().split("\n") if line]
    if sys.argv[1] == "watch":
        watch(wanted, sys.argv[3])
    else:
        for top in sys.argv[3:]:
            for folder, _, names in os.walk(top) if os.path.isdir(top) else [("", [], [top])]:
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path):
                        search(open(path, "rb").read(), wanted, path, sys.stdout)
P

# Plain mbsync makes its files as the caller wants them.
umask 077
# A token in the cache first, so that it is known.
"$build/mbhaul-token" --config "$conf" get --profile contoso --user alice@contoso.com --host localhost >"$tmp/token"
check "a token was got" grep -q '^eyJ' "$tmp/token"
rm "$tmp/token"
python3 -B "$tmp/secrets.py" forms "$LAB_DIR" >"$forms"
check "there are forms to look for" [ "$(wc -l <"$forms")" -gt 60 ]

mkdir "$tmp/outs"
n=0
keep() { # command...: its output is kept for the search
	n=$((n + 1))
	"$@" >"$tmp/outs/$n.out" 2>"$tmp/outs/$n.err" </dev/null
	rc=$?
}

python3 -B "$tmp/secrets.py" watch "$forms" "$tmp/stop" >"$tmp/watch" 2>&1 &
watcher=$!
keep "$mbhaul" --config "$conf" generate
is "generate" "$rc" 0
keep "$mbhaul" --config "$conf" sync -v alice@contoso.com
is "a sync" "$rc" 0
keep "$mbhaul" --config "$conf" sync -v ungranted@contoso.com
is "a refused sync" "$rc" 77
keep "$mbhaul" --config "$conf" run --plain -j 3
is "a run" "$rc" 77
keep "$mbhaul" --config "$conf" check
is "a check" "$rc" 77
keep "$mbhaul" --config "$conf" check --json --exact -j 3
is "a check as JSON" "$rc" 77
keep "$mbhaul" --config "$conf" admin "$tmp/outs/kit"
is "the administrator's kit" "$rc" 0
python3 -c 'import json,sys; print(json.dumps({"mbhaul": 1, "tenant": sys.argv[1], "client_id": sys.argv[2], "secret": open(sys.argv[3]).read().strip()}), end="")' \
	"$TENANT_ID" "$CLIENT_ID" "$LAB_DIR/contoso.secret" |
	openssl cms -encrypt -aes-256-cbc -outform PEM -out "$tmp/credential.sealed" "$LAB_DIR/operator.crt" 2>"$tmp/openssl"
keep "$mbhaul" --config "$conf" admin open "$tmp/credential.sealed"
is "a sealed secret opened" "$rc" 0
keep "$mbhaul" --config "$conf" verify
is "verify" "$rc" 77
keep "$mbhaul" --config "$conf" verify --deep --json -j 3
is "verify, of all bytes, as JSON" "$rc" 77
keep "$mbhaul" --config "$conf" report
is "report" "$rc" 0
check "report: it is there" [ -s "$HAUL/report.html" ]
for option in --json --prometheus; do
	keep "$mbhaul" --config "$conf" status $option
	is "status $option" "$rc" 0
done
keep "$mbhaul" --config "$conf" status
keep "$mbhaul" --config "$conf" status odd@contoso.com
is "status" "$rc" 0
# Another password: what is refused must not be said either. A new folder name would be a new secret: the old one is enough.
sed -i 's/^\("info@contoso.com","info@contoso.example"\),"[^"]*"/\1,"Wr0ng-Passw0rd"/' "$LAB_DIR/mailboxes.csv"
printf '%s\n' Wr0ng-Passw0rd "$(printf %s Wr0ng-Passw0rd | base64)" "$(printf '\0info@contoso.example\0Wr0ng-Passw0rd' | base64 -w0)" >>"$forms"
keep "$mbhaul" --config "$conf" sync -v info@contoso.com
is "a wrong destination password" "$rc" 77
keep "$mbhaul" --config "$conf" verify --full info@contoso.com
is "a wrong destination password, verified" "$rc" 77
keep "$mbhaul" --config "$conf" check info@contoso.com
is "a wrong destination password, checked" "$rc" 77
versions=mbsync
if mbsync15=$("$top/tests/lab/mbsync15" 2>/dev/null); then versions="mbsync $mbsync15"; fi
export SASL_PATH=$build/sasl2:$(pkg-config --variable=libdir libsasl2)/sasl2
for program in $versions; do
	sed -i '/^mbsync = /d' "$conf"
	[ "$program" = mbsync ] || sed -i "s|^\[fleet\]|[fleet]\nmbsync = $program|" "$conf"
	keep "$mbhaul" --config "$conf" generate
	# Plain mbsync logs in by PassCmd; refused by the destination, then by the source, then let in.
	keep "$program" -V -c "$HAUL/mailboxes/info@contoso.com/mbsyncrc" -a
	check "mbsync by PassCmd, refused by the destination" [ "$rc" != 0 ]
	keep "$program" -V -c "$HAUL/mailboxes/ungranted@contoso.com/mbsyncrc" -a
	check "mbsync by PassCmd, refused by the source" [ "$rc" != 0 ]
	keep "$program" -V -c "$HAUL/mailboxes/fr@contoso.com/mbsyncrc" -a
	is "mbsync by PassCmd" "$rc" 0
	"$lab" fault ja@contoso.com '{"refuse-json":true}' >/dev/null
	keep "$mbhaul" --config "$conf" sync -v ja@contoso.com
	is "refused by a challenge" "$rc" 77
	keep "$mbhaul" --config "$conf" verify --full ja@contoso.com
	is "verify, refused by a challenge" "$rc" 77
	keep "$program" -V -c "$HAUL/mailboxes/ja@contoso.com/mbsyncrc" -a
	"$lab" fault ja@contoso.com '{"expire-after":{"at":6,"times":1}}' >/dev/null
	keep "$mbhaul" --config "$conf" sync -v ja@contoso.com
	is "a token that ends in between" "$rc" 0
done
unset SASL_PATH
cp "$tmp/good.csv" "$LAB_DIR/mailboxes.csv"
keep "$build/mbhaul-token" --config "$conf" claims --profile contoso
is "claims" "$rc" 0
touch "$tmp/stop"
wait $watcher
check "processes were looked at all the time" [ "$(sed -n 's/^looks: //p' "$tmp/watch")" -gt 5000 ]

# Where a secret was put on purpose, it is found: the search itself works.
tail -n 1 "$forms" >"$tmp/planted"
is "the search finds what is there" "$(python3 -B "$tmp/secrets.py" search "$forms" "$tmp/planted" | wc -l)" 1
nothing() { # name file
	if [ -s "$2" ]; then
		not_ok "$1"
		head -n 5 "$2" | cut -c1-200 | sed 's/^/    /'
	else
		ok "$1"
	fi
}
grep -v '^looks: ' "$tmp/watch" >"$tmp/seen"
nothing "no secret in any command line or environment" "$tmp/seen"
python3 -B "$tmp/secrets.py" search "$forms" "$tmp/outs" >"$tmp/seen"
nothing "no secret in any output" "$tmp/seen"
python3 -B "$tmp/secrets.py" search "$forms" "$HAUL" >"$tmp/seen"
nothing "no secret in any file of the haul" "$tmp/seen"
hasnt "nothing that looks like a token either" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/outs" "$HAUL"
find "$HAUL" -type d ! -perm 700 -o -type f ! -perm 600 ! -name '*.sh' ! -name slurm.sbatch -o \( -name '*.sh' -o -name slurm.sbatch \) ! -perm 700 >"$tmp/seen"
nothing "folders are 0700, files 0600, scripts 0700" "$tmp/seen"
find "$LAB_DIR/cache" -type d ! -perm 700 -o -type f ! -perm 600 >"$tmp/seen"
nothing "the cache too" "$tmp/seen"
