#!/bin/bash
# The destination's ways to be in the way: full, refusing, missing, another name or certificate; with mbsync 1.4 and 1.5.
. "$(dirname "$0")/common.sh"
start_lab --tenant small
fast=$LAB_DIR/mailboxes.csv

extra() { grep "^\"$1@" "$LAB_DIR/mailboxes-extra.csv" | tr -d '\r'; }
destination_conf() { # edit of the server's configuration, then reloaded
	sed -i "$1" "$DEST_CONF" && doveadm -c "$DEST_CONF" reload
	sleep 1.2
}
# A passwd-file is read again when its time in seconds changed.
users() { sed -i "$1" "$LAB_RUN/destination/users" && sleep 1.2; }
# The lab's sed writes a new file: Dovecot must be able to read it.
readable() { chgrp dovecot "$LAB_RUN/destination/users" 2>/dev/null; chmod 640 "$LAB_RUN/destination/users"; }

# mbsync by itself asks for each message, and says of each that it was refused; a relay ends with the first.
relay() { sed -i '/^use *=/d; /^\[relay\]/d' "$conf" && printf '\n[relay]\nuse = %s\n' "$1" >>"$conf"; }

for version in 1.4 1.5; do
	relay no
	if [ $version = 1.5 ]; then
		mbsync15=$("$top/tests/lab/mbsync15" 2>/dev/null) || { skip "mbsync 1.5 cannot be had here"; continue; }
		sed -i "s|^\[fleet\]|[fleet]\nmbsync = $mbsync15|" "$conf"
		users 's/storage=[0-9]*[KM]/storage=300K/' && readable
		doveadm -c "$DEST_CONF" expunge -u quota@contoso.example mailbox '*' all
		rm -rf "$HAUL/mailboxes/quota@contoso.com"
	else
		extra quota >>"$fast"
	fi
	begun=$SECONDS
	sync quota@contoso.com
	is "$version: a full destination ends with 77" "$rc" 77
	has "$version: it says what to do" "$tmp/out" 'quota@contoso.com: refused: the destination mailbox quota@contoso.example is full'
	has "$version: and who" "$tmp/out" 'give quota@contoso.example more room at the destination'
	has "$version: what did not fit is listed with the reason" "$tmp/out" 'not copied: "INBOX" UID .*(OVERQUOTA|[0-9]+ of 300 KB are used)'
	check "$version: at once" [ $((SECONDS - begun)) -lt 25 ]
	"$mbhaul" --config "$conf" status quota@contoso.com >"$tmp/status"
	has "$version: status says so too" "$tmp/status" 'refused .* left .*is full'
	sync quota@contoso.com
	is "$version: still full: still 77" "$rc" 77
	relay yes
	sync quota@contoso.com
	is "$version: with a relay: 77 too" "$rc" 77
	has "$version: it says who is to act" "$tmp/out" 'give quota@contoso.example more room at the destination'
	"$mbhaul" --config "$conf" status quota@contoso.com >"$tmp/status"
	has "$version: status has the server's words" "$tmp/status" 'answer .*OVERQUOTA'
	users 's/storage=300K/storage=50M/' && readable
	sync quota@contoso.com
	is "$version: with room it completes" "$rc" 0
	equal "$version: nothing lost, nothing twice" quota@contoso.com
done
sed -i '/^mbsync = /d' "$conf"

# One message that the server does not take.
destination_conf 's/^  quota_grace = 0/  quota_grace = 0\n  quota_max_mail_size = 100k/'
sync odd@contoso.com
is "a message that the destination refuses: 1" "$rc" 1
has "it is listed with the server's words" "$tmp/out" 'not copied: "Sizes" UID 8, 103424 bytes, .*the destination refused it: NO .*(TOOBIG|too big|Mail size)'
hasnt "the smaller ones are not" 'not copied: "Sizes" UID 1,' "$tmp/out"
equal "all others are there" odd@contoso.com
destination_conf '/quota_max_mail_size/d'
sync odd@contoso.com
has "once it fits, only the header without an end is left" "$tmp/out" '1 could not be'
equal "after that" odd@contoso.com

# Who logs in
cp "$fast" "$tmp/good.csv"
sed -i 's/^\("empty@contoso.com","empty@contoso.example"\),"[^"]*"/\1,"wrong"/' "$fast"
sync empty@contoso.com
is "a wrong destination password: 77" "$rc" 77
has "it names the destination's mailbox" "$tmp/out" 'the destination refuses the login of empty@contoso.example'
has "and what to check" "$tmp/out" 'check the user name and the password of empty@contoso.example'
sed -i 's/^"empty@contoso.com","empty@contoso.example"/"empty@contoso.com","nobody@contoso.example"/' "$fast"
sync empty@contoso.com
is "a destination mailbox that does not exist: 77" "$rc" 77
has "it is named" "$tmp/out" 'nobody@contoso.example'
cp "$tmp/good.csv" "$fast"

# Names, ports, certificates
cp "$conf" "$tmp/good.conf"
destination() { # sed commands for the section [destination]
	sed "/^\[destination\]/,/^\[fleet\]/{$1}" "$tmp/good.conf" >"$conf"
}
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=other -keyout "$tmp/k" -out "$tmp/other.pem" 2>/dev/null
destination "s|^ca-file.*|ca-file = $tmp/other.pem|"
sync empty@contoso.com
is "an unknown certificate authority: 69 at once" "$rc" 69
has "it speaks of the certificate" "$tmp/out" 'certificate'
has "and of ca-file" "$tmp/out" 'ca-file'
destination "s|^ca-file.*|ca-file = $tmp/missing.pem|"
sync empty@contoso.com
check "a ca-file that is missing is named" grep -q "missing.pem" "$tmp/out"
check "and is an error" [ "$rc" = 69 -o "$rc" = 78 ]
sed -e "s|^host    = localhost|host    = 127.0.0.2|" "$tmp/good.conf" >"$conf"
destination "s|^host.*|host = 127.0.0.2|"
sync empty@contoso.com
check "another address than the server's: no success" [ "$rc" = 75 -o "$rc" = 69 ]
has "the server is named with its port" "$tmp/out" "127.0.0.2 port $DEST_PORT"
destination "s|^host.*|host = no-such-host.invalid|"
sync empty@contoso.com
is "a host that does not exist: 69" "$rc" 69
has "it is named" "$tmp/out" 'no-such-host.invalid'
destination "s|^port.*|port = 1|"
sync empty@contoso.com
is "a port where nobody listens: 75, it may come" "$rc" 75
has "with what to check" "$tmp/out" 'check .host., .port.'
destination "s|^port.*|port = $DEST_STARTTLS_PORT\ntls = starttls|"
sync info@contoso.com
is "STARTTLS to the destination" "$rc" 0
equal "over STARTTLS" info@contoso.com
destination "s|^port.*|port = $DEST_STARTTLS_PORT|"
sync empty@contoso.com
check "TLS to the STARTTLS port: no success" [ "$rc" = 75 -o "$rc" = 69 ]
has "with what to check" "$tmp/out" 'tls'
