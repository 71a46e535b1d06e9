#!/bin/bash
# mbhaul admin: the kit, what is in it and what is not; and the sealed way back. $1: the build folder.
# sanitizers: yes
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1
unset MBHAUL_CONFIG MBHAUL_HELPER XDG_CONFIG_HOME SASL_PATH
export HOME=$top/home LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=''
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
is() { # name got want
	local rc=0
	if [ "$2" != "$3" ]; then
		printf '# got:  %s\n# want: %s\n' "$2" "$3"
		rc=1
	fi
	check "$1" $rc
}
has() { # name file fixed-string
	local rc=0
	if ! grep -qF -- "$3" "$2"; then
		echo "# nothing like \"$3\" in:"
		sed 's/^/#   /' "$2"
		rc=1
	fi
	check "$1" $rc
}
lacks() { # name pattern file...
	local name=$1 pattern=$2 rc=0
	shift 2
	if grep -rE -- "$pattern" "$@" >"$top/found"; then
		sed 's/^/# /' "$top/found" | cut -c1-200
		rc=1
	fi
	check "$name" $rc
}

app=0a1b2c3d-1111-2222-3333-444455556666
object=5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab
tenant=9e9e9e9e-0000-1111-2222-333344445555
zeros=00000000-0000-0000-0000-000000000000
scripts='1-register.ps1 2-grant.ps1 3-enable-imap.ps1 4-verify.ps1 5-seal.ps1 9-revoke.ps1'

# The program with a helper of ours beside it: tokens as $top/claims says, and the pair for sealing.
mkdir bin
cp "$build/mbhaul" bin/
cat >bin/mbhaul-token <<END
#!/bin/bash
case \$1 in
answer)
	cat >"$top/asked"
	if [ -e "$top/claims" ]; then
		body=\$(base64 -w0 <"$top/claims" | tr -d = | tr +/ -_)
		printf 'token=eyJhbGciOiJSUzI1NiJ9.%s.TOKENMARK\nexpires=4000000000\nprofile=contoso\n\n' "\$body"
	else
		printf 'error=refused\nmessage=AADSTS7000215: no such secret\n\n'
	fi
	;;
new-certificate)
	echo "\$*" >>"$top/made"
	if [ -e "$top/no-certificate" ]; then echo 'mbhaul-token: the disk is full' >&2; exit 69; fi
	umask 077
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=mbhaul operator' -keyout "\$4.key" -out "\$4.crt" \
		-addext extendedKeyUsage=1.3.6.1.4.1.311.80.1 -addext keyUsage=critical,keyEncipherment,dataEncipherment 2>/dev/null
	;;
*) exit 64 ;;
esac
END
chmod 755 bin/mbhaul-token
mbhaul=$top/bin/mbhaul

# A folder of its own; $1: name, $2: client-id, $3: tenant, $4: credential
place() {
	mkdir -p "$top/$1"
	cd "$top/$1" || exit 1
	cat >mbhaul.conf <<-END
		; kept  as	it is
		[profile contoso]
		tenant    = ${3:-contoso.onmicrosoft.com}   ; the customer's
		client-id = $2
		credential = ${4:-secret-file contoso.secret}
		domains = contoso.com
		[source]
		profile = contoso
		[destination]
		host = imap.destination.example
	END
	chmod 640 mbhaul.conf
}
kit() {
	"$mbhaul" admin "$@" >out 2>err
	rc=$?
}
list() {
	cat >mailboxes.csv <<-END
		Email,Destination,DestinationPassword
		o'brien+\$x@contoso.com,ob@destination.example,s3cr'et-PASSMARK
		R&D#1@contoso.com,rd@destination.example,other-PASSMARK
	END
	chmod 600 mailboxes.csv
}
# A script's template, with its parts in their places.
template() {
	local line part
	while IFS= read -r line; do
		part=${line#@include }
		if [ "$part" != "$line" ]; then
			cat "$here/driver/admin/${part%@*}.ps1"
		else
			printf '%s\n' "$line"
		fi
	done <"$here/driver/admin/$1"
}
inside() { (cd "$1" && echo *); }

# ---- the command line ----
"$mbhaul" admin --help >out 2>&1
check "admin has a help" $?
for line in 'admin a b' 'admin open' 'admin open a b' 'admin --force' 'admin --profile x dir' 'admin --list-mailboxes x' 'admin -x'; do
	# shellcheck disable=SC2086
	"$mbhaul" $line >out 2>err
	is "a usage error: $line" $? 64
done
"$mbhaul" admin --list-mailboxes >out 2>err
is "the command for the list needs no configuration" "$?$(cat err)" 0
has "it names the column Email" out "@{Name='Email';Expression={\$_.PrimarySmtpAddress}}"
has "it writes a CSV that mbhaul reads" out 'Export-Csv mailboxes.csv -NoTypeInformation -Encoding UTF8'
tr -d '\r' <"$here/driver/admin/README.txt" >readme
is "the kit's README.txt has the same command" "$(sed 's/^/    /' out | grep -cFxf - readme)" 3

# ---- the kit of a tenant of which all is known ----
place known $app
list
printf '{"appid":"%s","oid":"%s","tid":"%s","roles":["IMAP.AccessAsApp"]}' $app $object $tenant >"$top/claims"
kit
is "a kit is written" "$rc$(cat err)" 0
is "it has these files, and no other" "$(inside admin)" "$scripts README.txt mailboxes.csv operator.crt"
is "folder and files are closed to others" "$(stat -c %a admin admin/* | sort | uniq -c | tr -s ' ' | tr '\n' ' ')" ' 9 600  1 700 '
has "the helper was asked for the profile's token" "$top/asked" 'profile=contoso'
is "the helper made the pair beside mbhaul.conf" "$(cat "$top/made")" "new-certificate --seal --out $PWD/operator"
has "it says what it knows" out "Object ID         $object"
thumb=$(openssl x509 -in operator.crt -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
has "it shows the thumbprint" out "sealing           $thumb"
for f in $scripts; do
	template "$f" | sed "s/@APP_ID@/$app/g; s/@OBJECT_ID@/$object/g; s/@TENANT_ID@/$tenant/g" | cmp - "admin/$f"
	check "nothing but parts and GUIDs is put into $f" $?
	is "$f has each function once" "$(grep -o '^function [A-Za-z-]*' "admin/$f" | sort | uniq -d)" ''
	lacks "$f is ASCII with CRLF" $'[^\r]$|^$' "admin/$f"
	is "$f is ASCII" "$(LC_ALL=C tr -d '\000-\177' <"admin/$f" | wc -c)" 0
	is "$f begins with what it requires" "$(head -n 1 "admin/$f")" $'#Requires -Version 5.1\r'
done
lacks "no domain, host, path, password or token in scripts and README.txt" \
	"contoso|destination\.example|PASSMARK|TOKENMARK|$top" admin/*.ps1 admin/README.txt
lacks "no destination, password or key in the whole kit" 'PASSMARK|destination|ob@|PRIVATE KEY' admin
printf '\xef\xbb\xbf"Email"\r\n"%s"\r\n"%s"\r\n' "o'brien+\$x@contoso.com" 'R&D#1@contoso.com' | cmp - admin/mailboxes.csv
check "mailboxes.csv has the column Email and no other, as Export-Csv writes it" $?
openssl x509 -in operator.crt | cmp - admin/operator.crt
check "operator.crt is the certificate alone" $?
lacks "no placeholder is left in README.txt" '@[a-zA-Z]' admin/README.txt
for word in IMAP.AccessAsApp IMAP.AccessAsUser.All 'ENTERPRISE APPLICATIONS' grants.csv 5-seal.ps1 $app $object $tenant 'up to an hour'; do
	has "README.txt speaks of $word" admin/README.txt "$word"
done

is "in the sources a function stands in one file" "$(cd "$here/driver/admin" && grep -ho '^function [A-Za-z-]*' ./*.ps1 | sort | uniq -d)" ''
unknown=$(for f in $scripts; do
	grep -ho '^function [A-Za-z-]*' admin/*.ps1 | sort -u | while read -r _ name; do
		grep -v '^ *#' "admin/$f" | grep -qw -- "$name" && ! grep -q "^function $name\b" "admin/$f" && echo "$f $name"
	done
done)
is "every script has the functions that it calls" "$unknown" ''
lacks "no script needs another file of the kit's sources" '@include|^\. |Import-Module -Name \.' admin

# ---- again ----
touch admin/grants.csv admin/imap.csv
echo mine >admin/credential.sealed
cp -a admin before
kit
has "the same again changes nothing" out ': 9 files, 0 changed'
diff -r admin before && [ -z "$(find admin -newer before/credential.sealed -type f)" ]
check "and leaves every file alone, the administrator's too" $?
is "the pair is made once" "$(wc -l <"$top/made")" 1
echo '# my own' >>admin/2-grant.ps1
kit
has "a changed script is renewed" out '9 files, 1 changed'
diff -r admin before
check "to what it was" $?
kit other/place
is "another folder" "$rc $(inside other/place | wc -w)" '0 9'

# ---- places that are none ----
kit .
is "not into the folder of mbhaul.conf" $rc 78
has "for it needs a folder of its own" err 'needs a folder of its own'
mkdir foreign && cp mailboxes.csv foreign/
kit foreign
is "not over somebody's mailboxes.csv" "$rc $(inside foreign)" '78 mailboxes.csv'
mkdir readme-there && echo hello >readme-there/README.txt
kit readme-there
is "not over somebody's README.txt" "$rc $(inside readme-there) $(cat readme-there/README.txt)" '78 README.txt hello'
printf 'Email\nx\n' >mailboxes.csv
kit
is "a list with errors stops it" $rc 65
list

# ---- little is known ----
rm -f "$top/claims"
kit
is "without a token it goes on" $rc 0
has "and says so" out 'Object ID         not known (there is no token: AADSTS7000215: no such secret)'
has "the script asks for the Object ID then" admin/1-register.ps1 "ObjectId = '',"
has "and knows the application" admin/1-register.ps1 "AppId = '$app',"
printf '{"appid":"%s","oid":"%s"}' $object $object >"$top/claims"
kit
has "a token of another application tells nothing" out 'Object ID         not known (the token is one of another application)'
printf '{"appid":"%s","oid":"%s"}' $app "'; Remove-Item C: '" >"$top/claims"
kit
has "an Object ID that is no GUID is not known" out 'Object ID         not known (the token does not tell)'
lacks "and comes into no script" 'Remove-Item C:' admin
place zeros $zeros $tenant
rm -f "$top/asked"
kit
is "a client-id of zeros, and no list" "$rc$(cat err) $(inside admin)" "0 $scripts README.txt operator.crt"
[ ! -e "$top/asked" ]
check "no token is asked for" $?
has "how to get a list is said" out 'mbhaul admin --list-mailboxes'
has "the scripts ask for the application's ID" admin/2-grant.ps1 "AppId = '',"
has "and know the tenant" admin/2-grant.ps1 "TenantId = '$tenant',"
lacks "zeros come into no script" $zeros admin
has "README.txt has the command for the list" admin/README.txt 'Export-Csv mailboxes.csv'

# ---- a certificate needs no sealing ----
sed -i 's/^credential.*/credential = certificate app.crt app.key/' mbhaul.conf
kit
is "a certificate: what was for sealing goes" "$rc $(inside admin)" "0 ${scripts/5-seal.ps1 /} README.txt"
has "one that is not made yet is asked for" out 'mbhaul-token new-certificate'
# With its key in the same file, which must not get into the kit.
openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=app -keyout app.key -out app.crt 2>openssl.out
cat app.key >>app.crt
chmod 600 app.crt app.key
kit
is "once it is there it goes along" "$rc $(inside admin)" "0 ${scripts/5-seal.ps1 /} README.txt application.crt"
cmp -s admin/application.crt <(openssl x509 -in app.crt)
check "the certificate alone, without the key beside it" $?
lacks "no key in the kit" 'PRIVATE KEY' admin
has "README.txt says what to do with it" admin/README.txt 'application.crt in this folder'
rm app.crt app.key
kit
is "one that is gone leaves the kit" "$rc $(inside admin)" "0 ${scripts/5-seal.ps1 /} README.txt"
has "README.txt says that no secret travels" admin/README.txt 'No secret travels'
has "and so does the command" out 'not needed: there is no secret'

# ---- the helper fails ----
place full $app
touch "$top/no-certificate"
kit
is "no pair, no kit" "$rc $(inside .)" '69 err mbhaul.conf out'
has "the helper's own words are shown" err 'the disk is full'
has "and what that means" err 'the kit was not written'
rm "$top/no-certificate"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=x -keyout operator.key -out operator.crt 2>/dev/null
chmod 600 operator.key
kit
is "a certificate that Windows would not take is refused" $rc 78
has "with the reason" err 'extended key usage'
chmod 644 operator.key
kit
has "a key that is open to others has a cure of its own" err "chmod 600 '$PWD/operator.key'"
chmod 600 operator.key
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=x -keyout "$top/key" -out operator.crt 2>/dev/null
kit
is "a pair that is none is refused" $rc 78

# ---- sealing, as Protect-CmsMessage does ----
cd "$top/known" || exit 1
seal() { # json, certificate: with a mail around it, CRLF
	printf '%s' "$1" >"$top/plain"
	printf 'Hello,\r\n\r\nhere it is.\r\n\r\n'
	openssl cms -encrypt -binary -aes-256-cbc -outform PEM -in "$top/plain" "${2:-$top/known/operator.crt}" | sed 's/$/\r/'
	printf '\r\nBest wishes\r\n'
	rm "$top/plain"
}
json() { # client-id, tenant, secret, end
	printf '{"mbhaul":1,"tenant":"%s","client_id":"%s","object_id":"%s","secret":"%s","secret_expires":"%s"}' \
		"$2" "$1" $object "$3" "${4:-2035-02-22}"
}
open() {
	"$mbhaul" admin open "$@" >out 2>err
	rc=$?
}
secret='SEALMARK~8Q.x_y'
# A configuration with the pair of `known`; $1: client-id, $2: tenant, $3: credential
fresh() {
	rm -rf "$top/place"
	place place "$@"
	cp -p "$top/known/operator.key" "$top/known/operator.crt" .
	remember
}
remember() {
	cp -p mbhaul.conf before.conf
	inode=$(stat -c %a:%i mbhaul.conf)
}
same_conf() { cmp -s mbhaul.conf before.conf && [ "$(stat -c %a:%i mbhaul.conf)" = "$inode" ]; }

fresh $zeros
seal "$(json $app $tenant "$secret")" >credential.sealed
open credential.sealed
is "a sealed secret is opened" "$rc$(cat err)" 0
is "the secret is in the profile's file, closed to others" "$(cat contoso.secret) $(stat -c %a contoso.secret)" "$secret 600"
sed "s/^tenant .*com  /tenant    = $tenant  /; s/$zeros/$app/" before.conf | cmp - mbhaul.conf
check "tenant and client-id stand in mbhaul.conf, and all else as it was" $?
is "its mode is kept" "$(stat -c %a mbhaul.conf)" 640
lacks "the secret is not shown" SEALMARK out err
has "what was done is shown" out "wrote the secret to $PWD/contoso.secret"
has "and the day on which the secret ends" out 'the secret ends on 2035-02-22'
is "nothing else was written" "$(inside .)" 'before.conf contoso.secret credential.sealed err mbhaul.conf operator.crt operator.key out'
remember
open credential.sealed
is "the same again is fine" "$rc$(cat err)" 0
same_conf
check "and changes nothing" $?
{ printf '\xff\xfe'; iconv -f UTF-8 -t UTF-16LE credential.sealed; } >utf16.sealed
open utf16.sealed
is "in UTF-16, as Windows PowerShell writes it" "$rc$(cat err)" 0
sed 's/^/> /' credential.sealed >quoted.sealed
open quoted.sealed
is "quoted in a mail" "$rc$(cat err)" 0

seal "$(json $app $tenant SEALMARK-other)" >other.sealed
open other.sealed
is "not over another secret" "$rc $(cat contoso.secret)" "78 $secret"
has "without --force" err '--force writes over it'
open --force other.sealed
is "with --force" "$rc $(cat contoso.secret)" '0 SEALMARK-other'
seal "$(json $app $tenant $object)" >guid.sealed
open --force guid.sealed
has "a secret that looks like its ID is mentioned" out "it may be the secret's ID"
seal "$(json $app $tenant "$secret" 2020-01-01)" >old.sealed
open old.sealed --force
has "so is one that has ended" out 'the secret ended on 2020-01-01'

fresh $app contoso.onmicrosoft.com
seal "$(json $app $tenant "$secret")" >credential.sealed
open credential.sealed
is "a domain for the tenant is left as it is" "$rc $(cmp mbhaul.conf before.conf) $(cat contoso.secret)" "0  $secret"

fresh $object
seal "$(json $app $tenant "$secret")" >credential.sealed
open credential.sealed
is "a profile of another application is not changed" $rc 78
has "what differs is said" err "client-id $object"
has "and --profile OTHER" err '--profile OTHER'
same_conf && [ ! -e contoso.secret ]
check "nothing is written" $?
open credential.sealed --profile second
is "into a profile of its own" "$rc $(cat second.secret)" "0 $secret"
{
	cat before.conf
	printf '\n[profile second]\ntenant     = %s\nclient-id  = %s\ncredential = secret-file second.secret\n' $tenant $app
} | cmp - mbhaul.conf
check "which is appended, all else as it was" $?
remember
open credential.sealed --profile $'x]\n[y'
is "a profile's name that is none" $rc 64
open nothing.sealed
is "a file that is not there" $rc 69
same_conf
check "both change nothing" $?
fresh $app $tenant 'certificate a.crt a.key'
seal "$(json $app $tenant "$secret")" >credential.sealed
open credential.sealed
is "a profile with a certificate takes no secret" $rc 78
same_conf
check "nor a change" $?
fresh $zeros
sed -i 's/^host/hast/' mbhaul.conf
remember
seal "$(json $app $tenant "$secret")" >credential.sealed
open credential.sealed --profile contoso
is "what else is wrong in mbhaul.conf is another matter" "$rc $(diff mbhaul.conf before.conf | grep -c '^<')" '0 2'
fresh $zeros
chmod 622 mbhaul.conf
seal "$(json $app $tenant "$secret")" >credential.sealed
open credential.sealed
is "a configuration that others can change is not read" $rc 78
chmod 640 mbhaul.conf
touch contoso.secret && chmod 644 contoso.secret
open credential.sealed
is "a secret's file that is open to others stops it" $rc 78
same_conf && [ ! -s contoso.secret ]
check "and nothing is changed" $?
chmod 600 contoso.secret
open credential.sealed
is "an empty one is filled" "$rc $(cat contoso.secret)" "0 $secret"

# ---- what cannot be opened ----
refused() { # name, file, words
	open "$2"
	is "$1: refused" $rc 65
	has "$1: one sentence" err "$3"
	is "$1: and what to do" "$(grep -c '^  hint: ' err) $(grep -c '^mbhaul admin: ' err)" '1 1'
	lacks "$1: nothing is shown of it" SEALMARK out err
	same_conf && [ ! -e contoso.secret ]
	check "$1: nothing is changed" $?
}
fresh $zeros
seal "$(json $app $tenant "$secret")" "$top/full/operator.crt" >wrong.sealed
refused "another certificate" wrong.sealed 'sealed for another certificate than'
seal "$(json $app $tenant "$secret")" >good.sealed
awk 'NR == 9 { $0 = "AAAA" substr($0, 5) } 1' good.sealed >damaged.sealed
refused "a damaged key" damaged.sealed 'damaged'
sed '10d' good.sealed >short.sealed
refused "a line lost" short.sealed 'damaged'
sed '/END CMS/d' good.sealed >cut.sealed
refused "the end cut off" cut.sealed 'no whole sealed block'
echo hello >none.sealed
refused "no sealed file" none.sealed 'no whole sealed block'
printf -- '-----BEGIN CMS-----\n%s\n-----END CMS-----\n' "$(head -c 300 /dev/urandom | base64)" >random.sealed
refused "random bytes" random.sealed 'damaged'
seal 'something else' >text.sealed
refused "something else, sealed" text.sealed 'not from a 5-seal.ps1'
seal "$(json x $tenant "$secret")" >bad-id.sealed
refused "a client-id that is none" bad-id.sealed 'client_id is not a GUID'
seal "$(json $app 'a.b\n[source]' "$secret")" >inject.sealed
refused "a tenant with a line end" inject.sealed 'tenant is neither'
seal "$(json $app $tenant 'SEALMARK\u001b[2J')" >control.sealed
refused "a secret with control characters" control.sealed 'no secret has'
seal "$(json $app $tenant "$(head -c 20000 /dev/zero | tr '\0' x)")" >long.sealed
refused "a secret without end" long.sealed 'damaged'
head -c 2000000 /dev/zero >huge.sealed
refused "a huge file" huge.sealed 'too large'
openssl cms -sign -binary -nodetach -outform PEM -in before.conf -signer operator.crt -inkey operator.key >signed.sealed 2>/dev/null
refused "a signed message" signed.sealed 'damaged'
chmod 644 operator.key
open good.sealed
is "a key that is open to others is not used" $rc 78
rm operator.key
open good.sealed
is "no key" $rc 69

# ---- valgrind ----
if command -v valgrind >/dev/null && ! nm -D "$build/mbhaul" 2>/dev/null | grep -q __asan_init; then
	v=(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect --child-silent-after-fork=yes)
	fresh $zeros
	list
	seal "$(json $app $tenant "$secret")" >credential.sealed
	seal "$(json $app $tenant "$secret")" "$top/full/operator.crt" >wrong.sealed
	printf '{"appid":"%s","oid":"%s"}' $app $object >"$top/claims"
	for line in '0 admin' '0 admin open credential.sealed' '0 admin open credential.sealed' '65 admin open wrong.sealed' \
		'78 admin .' '0 admin'; do
		# shellcheck disable=SC2086
		"${v[@]}" "$mbhaul" ${line#* } >out 2>err
		rc=$?
		[ $rc = "${line%% *}" ] || sed 's/^/# /' err
		is "valgrind: ${line#* }" $rc "${line%% *}"
	done
else
	echo "ok - skipped: no valgrind here, or the build has sanitizers"
fi
exit $failed
