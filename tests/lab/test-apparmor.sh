#!/bin/bash
# The AppArmor profiles: apparmor_parser takes them, and what helper, fetcher and relays really do to files (by strace) is
# allowed by them, on a system where all is installed; and some of what they never do is not. Enforcing needs a kernel
# with AppArmor, which a container does not offer; this does not.
. "$(dirname "$0")/common.sh"
profiles=$top/contrib/apparmor
PATH=$PATH:/usr/sbin:/sbin
if ! command -v apparmor_parser >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	skip "AppArmor profiles: there is no apparmor_parser, or processes cannot be traced here"
	exit 0
fi
for name in mbhaul-token mbhaul-relay; do
	apparmor_parser -QK -I "$profiles" -I /etc/apparmor.d "$profiles/$name" >"$tmp/out" 2>&1
	is "apparmor_parser takes $name" "$?" 0
done

may() { # profile permissions path
	python3 "$top/tests/lab/apparmor.py" "$profiles" --may "$@" >/dev/null
}
for try in 'mbhaul-relay r /home/you/contoso/haul/mailboxes/a@b/source.account' 'mbhaul-token r /etc/mbhaul/contoso.secret' \
	'mbhaul-token rwk /run/user/1000/mbhaul/contoso-0123.token'; do
	# shellcheck disable=SC2086
	check "allowed: $try" may $try
done
for try in 'mbhaul-relay w /home/you/contoso/haul/mailboxes/a@b/copied.jsonl' 'mbhaul-relay w /home/you/contoso/mbhaul.conf' \
	'mbhaul-relay r /home/you/.ssh/id_ed25519' 'mbhaul-token r /home/you/.gnupg/pubring.kbx' 'mbhaul-relay x /usr/bin/dash' \
	'mbhaul-token x /usr/bin/dash' 'mbhaul-token w /etc/mbhaul/mbhaul.conf' 'mbhaul-token w /home/you/.bashrc' \
	'mbhaul-relay w /home/you/contoso/haul/mailboxes/a@b/state/x' 'mbhaul-token r /etc/shadow' 'mbhaul-relay r /etc/shadow' \
	'mbhaul-relay w /usr/bin/mbhaul'; do
	# shellcheck disable=SC2086
	check "not allowed: $try" eval '! may $try'
done

start_lab --tenant small
# The cache where it is by default; and a certificate, which takes more of OpenSSL than a secret.
sed -i '/^cache *=/d' "$conf"
mkdir -p -m 700 "$tmp/home" "$tmp/run"
export HOME=$tmp/home
unset XDG_CACHE_HOME
trace() { # command...
	strace -f -qq -a 0 -s 300 -e signal=none -o "$tmp/trace.$((++traces))" -e trace=execve,open,openat,creat,mkdir,mkdirat,rmdir,rename,renameat,renameat2,link,linkat,unlink,unlinkat,chmod,fchmodat,flock,mmap,connect,bind,clone,clone3,fork,vfork \
		"$@" >"$tmp/out" 2>&1
	rc=$?
}
traces=0
token() { trace "$build/mbhaul-token" --config "$conf" "$@"; }

export XDG_RUNTIME_DIR=$tmp/run
trace "$mbhaul" --config "$conf" sync alice@contoso.com
is "a mailbox is copied" "$rc" 0
token forget --all
unset XDG_RUNTIME_DIR
token get --profile contoso
is "a token" "$rc" 0
token claims --profile contoso
token new-certificate --profile contoso
is "a new certificate" "$rc" 0
token new-certificate --profile contoso --force
sed -i 's/^credential = .*/credential = certificate contoso.crt contoso.key/' "$conf"
token certificate --profile contoso
is "is shown" "$rc" 0
"$lab" ctl entra '{"app":{"client_id":"'"$CLIENT_ID"'","certificates":["'"$LAB_DIR"'/contoso.crt"]}}' >/dev/null
token get --profile contoso
is "a token for it" "$rc" 0
token forget --all
trace "$mbhaul" --config "$conf" sync fr@contoso.com
is "another mailbox" "$rc" 0

# A helper that serves others, and those who ask it.
mkdir -m 700 "$tmp/served" "$tmp/cache"
mkdir "$tmp/sockets"
{
	printf '[profile contoso]\ncredential = managed-identity\nidentity-endpoint = %s\n' "$IDENTITY_ENDPOINT"
	grep -E '^(domains|hosts) *=' "$conf" | head -n 2
} >"$tmp/served/token.conf"
XDG_RUNTIME_DIR=$tmp/cache trace "$build/mbhaul-token" --config "$tmp/served/token.conf" serve --socket "$tmp/sockets/token.socket" &
tracer=$!
traces=$((traces + 1))
for ((i = 0; i < 600; i++)); do [ -S "$tmp/sockets/token.socket" ] && break || sleep 0.05; done
sed -i '/^tenant *=\|^client-id *=\|^login *=/d; s|^credential *=.*|credential = socket '"$tmp/sockets/token.socket"'|' "$conf"
sed -i '/^\[profile/,/^\[/{/^ca-file *=/d}' "$conf"
trace "$mbhaul" --config "$conf" sync ja@contoso.com
is "a mailbox with the tokens of a server" "$rc" 0
kill "$(pgrep -f "^$build/mbhaul-token --config $tmp/served/")"
wait "$tracer"

real=$(realpath "$LAB_DIR")
python3 "$top/tests/lab/apparmor.py" "$profiles" "$tmp/trace." mbhaul-token="$build/mbhaul-token" mbhaul-token="$build/mbhaul-token-fetch" \
	mbhaul-relay="$build/mbhaul-relay" -- "$real=/home/you/contoso" "$(realpath "$tmp/home")=/home/you" \
	"$(realpath "$tmp/run")=/run/user/1000" "$(realpath "$tmp/sockets")=/run/mbhaul" \
	"$(realpath "$tmp/served")=/etc/mbhaul" "$(realpath "$tmp/cache")=/run/mbhaul-token" "$build/mbhaul-token=/usr/bin/mbhaul-token" "$build/mbhaul=/usr/bin/mbhaul" \
	"$build/mbhaul-relay=/usr/bin/mbhaul-relay" "$build/mbhaul-token-fetch=/usr/libexec/mbhaul/mbhaul-token-fetch" \
	"$build/sasl2=/usr/lib/x86_64-linux-gnu/sasl2" >"$tmp/found" 2>&1
rc=$?
sed 's/^/# /' "$tmp/found"
is "the profiles allow all that helper, fetcher and relays do" "$rc" 0
check "and that was a lot" [ "$(sed -n 's/^\([0-9]*\) calls.*/\1/p' "$tmp/found")" -gt 200 ]
