#!/bin/bash
# The manual pages and README.md against the programs: options, keys, words, links. $1: the build folder.
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 1
unset MBHAUL_CONFIG XDG_CONFIG_HOME SASL_PATH
export HOME=$top/home LC_ALL=C.UTF-8
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

# Nothing may stand in the file; what does is shown.
none() { # name file
	sed 's/^/# /' "$2"
	[ ! -s "$2" ]
	check "$1" $?
}

declare -A page=([mbhaul.1]=$here/driver/mbhaul.1 [mbhaul.conf.5]=$here/driver/mbhaul.conf.5
	[mbhaul-relay.1]=$here/driver/relay/mbhaul-relay.1
	[mbhaul-token.1]=$here/token-helper/mbhaul-token.1 [mbhaul-sasl.7]=$here/sasl-plugin/mbhaul-sasl.7
	[mailboxes.csv.5]=$here/driver/mailboxes.csv.5 [mbhaul-token-fetch.8]=$here/token-helper/fetch/mbhaul-token-fetch.8)

# As one reads it, a paragraph in one line: no option is broken in two.
shown() { mandoc -Tutf8 -O width=1000 "${page[$1]}" | col -bx; }

options() { grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z-]*[a-z]' | grep -oE -- '--.*' | sort -u; }
letters() { grep -oE -- '(^|[][ |(])-[A-Za-z]([][ |,)]|$)' | grep -oE -- '-[A-Za-z]' | sort -u; }

# ---- form ----
for p in "${!page[@]}"; do
	mandoc -Tlint -Wwarning "${page[$p]}" >out 2>&1
	none "$p is well-formed" out
	shown "$p" >"$p.txt"
done

# ---- options ----
# What the help of a program and of its subcommands names stands in the page.
"$build/mbhaul" --help >mbhaul.help
commands=$(sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p' mbhaul.help)
[ "$(wc -w <<<"$commands")" -ge 5 ]
check "mbhaul's help lists its subcommands" $?
for c in $commands password; do
	"$build/mbhaul" "$c" --help >"help.$c" 2>&1
	check "mbhaul $c has a help" $?
	cat "help.$c" >>mbhaul.help
	# The synopsis has a line for each, or more, with the same options.
	awk '/^[A-Z]/ { on = $1 == "SYNOPSIS" } on' mbhaul.1.txt | grep -E "^ *mbhaul (\[--config file\] )?$c( |$)" >line
	{ options <"help.$c"; letters <"help.$c"; } | grep -vxE -- '--config|--help' >in-help
	{ options <line; letters <line; } | grep -vx -- --config >in-page
	[ -s line ] && diff in-help in-page >out
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' out
	check "mbhaul(1) gives the synopsis of $c with its options" $rc
done
for program in mbhaul-relay mbhaul-token; do "$build/$program" --help >$program.help; done
for program in mbhaul mbhaul-relay mbhaul-token; do
	{ options <$program.help; letters <$program.help; } >in-help
	while read -r o; do
		grep -qE -- "(^|[^[:alnum:]-])$o([^[:alnum:]-]|\$)" $program.1.txt || echo "$o"
	done <in-help >out
	none "every option of $program's help stands in $program(1)" out
	# --help and --version need not be named in a help: they must work.
	# An example may show another program with its own options.
	case $program in
	mbhaul) other='mbsync|mbhaul-token' ;;
	mbhaul-relay) other=mbhaul ;;
	*) other=mbsync ;;
	esac
	grep -vE "^ +\\$ ($other) " $program.1.txt | options | while read -r o; do
		grep -qx -- "$o" in-help && continue
		case $o in
		--help | --version) "$build/$program" "$o" >/dev/null 2>&1 || echo "$o" ;;
		*) echo "$o" ;;
		esac
	done >out
	none "every option in $program(1) is one of $program" out
done
for o in -h -V; do
	for program in mbhaul mbhaul-relay mbhaul-token; do
		"$build/$program" $o >out 2>&1 && [ -s out ]
		check "$program $o does what its page says" $?
	done
done
# The other two pages name options of these programs only.
{ options <mbhaul-sasl.7.txt; options <mbhaul.conf.5.txt; } | sort -u >named
{ options <mbhaul.help; options <mbhaul-token.help; printf '%s\n' --accept --inetd; } | sort -u >known
comm -23 named known >out
none "mbhaul-sasl(7) and mbhaul.conf(5) name no other options" out

# ---- subcommands of the helper ----
for c in get claims answer serve forget certificate new-certificate; do
	grep -qE "^ *mbhaul-token $c" mbhaul-token.help mbhaul-token.1.txt && grep -qE "^ +mbhaul-token $c" mbhaul-token.1.txt
	check "mbhaul-token(1) gives the synopsis of $c" $?
done

sed -n '/failure_words\[FAILURE_WORDS\]/,/};/p' "$here/token-helper/failure.c" | grep -oE '"[a-z-]+"' | tr -d '"' | sort >words
[ "$(wc -l <words)" -ge 10 ]
check "the words of errors are found in token-helper/failure.c" $?
awk '/^The words, with/ { on = 1 } /^\.El/ { on = 0 } on && /^\.It Cm / { print $3 }' "${page[mbhaul-token.1]}" | sort >described
comm -3 words described >out
none "mbhaul-token(1) describes every word of an error, and no other" out

# ---- keys of mbhaul.conf ----
# The parsers' own tables against the entries of the page, which have the section's name as their heading.
sed -n 's/^ *{"\([a-z]*\)", "\([a-z-]*\)", KIND_.*/\1 \2/p' "$here/driver/conf.c" >keys
[ "$(wc -l <keys)" -ge 20 ]
check "the table of keys in driver/conf.c is found" $?
sed -n '/static const .* keys\[\]/,/};/p' "$here/token-helper/profile.c" | grep -oE '"[a-z][a-z-]*"' | tr -d '"' |
	sed 's/^/profiles /' >profile-keys
[ "$(wc -l <profile-keys)" -ge 8 ]
check "the table of keys in token-helper/profile.c is found" $?
sort -u keys profile-keys -o keys
# An entry with an argument is not a key, but a form of a key's value.
awk '/^\.Sh / { section = tolower($2) } section ~ /^(profiles|source|destination|folders|fleet|relay)$/ && /^\.It Cm / && !/ Ar / {
	for (i = 3; i <= NF; i++) if ($i != "," && $i != "Cm") print section, $i }' "${page[mbhaul.conf.5]}" | sort -u >entries
comm -23 keys entries >out
none "every key of mbhaul.conf stands in mbhaul.conf(5), under its section" out
comm -13 keys entries >out
none "mbhaul.conf(5) has no key that the parsers do not know" out

# ---- mailboxes.csv ----
sed -n '/column_names\[COLUMN_KINDS\]/,/};/p' "$here/driver/mailboxes_rows.c" | grep -oE '"[A-Za-z]+"' | tr -d '"' | sort -u >columns
[ "$(wc -l <columns)" -ge 5 ]
check "the columns are found in driver/mailboxes_rows.c" $?
sed -n 's/^\.It Cm \([A-Za-z]*\)$/\1/p' "${page[mailboxes.csv.5]}" | sort -u >described
comm -3 columns described >out
none "mailboxes.csv(5) describes every column, and no other" out
# ---- what mbhaul-token-fetch takes ----
grep -ohE '\{"[a-z-]+", (required|no)_argument' "$here"/token-helper/fetch/{main,certificate}.c | grep -oE '"[a-z-]+"' |
	tr -d '"' | sed 's/^/--/' | sort -u >in-source
[ "$(wc -l <in-source)" -ge 8 ]
check "the options are found in token-helper/fetch" $?
options <mbhaul-token-fetch.8.txt | comm -3 - in-source >out
none "mbhaul-token-fetch(8) has every option of the program, and no other" out

# ---- the relay: its account file, its events ----
entries_of() { # heading [letter of the macro]: the words of its list in mbhaul-relay(1)
	awk -v heading="$1" '/^\.S[hs] / { on = substr($0, 5) == heading } on && /^\.It Cm / {
		for (i = 3; i <= NF; i++) if ($i != "," && $i != "Cm") print $i }' "${page[mbhaul-relay.1]}" | sort -u
}
relay_sources=("$here"/driver/relay/*.c)
sed -n 's/^ *{"\(account\|relay\)", "\([a-z-]*\)", KIND_.*/\2/p' "$here/driver/account.c" | sort -u >keys.account
[ "$(wc -l <keys.account)" -ge 20 ]
check "the table of keys in driver/account.c is found" $?
entries_of "The account file" >described
comm -3 keys.account described >out
none "mbhaul-relay(1) describes every key of an account file, and no other" out
grep -ohE 'report_begin\([^"]*"[a-z-]+"' "${relay_sources[@]}" | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >events
[ "$(wc -l <events)" -ge 11 ]
check "the events are found in driver/relay" $?
entries_of Events >described
comm -3 events described >out
none "mbhaul-relay(1) describes every event, and no other" out
# troubled.c keeps a file of its own, which is nobody else's to read.
grep -hE 'cJSON_Add' $(printf '%s\n' "${relay_sources[@]}" | grep -v troubled) |
	grep -ohE 'cJSON_Add[A-Za-z]*\([a-z]+, "[a-z0-9_]+"' | grep -oE '"[a-z0-9_]+"' | tr -d '"' | sort -u >members
[ "$(wc -l <members)" -ge 25 ]
check "the members of events are found in driver/relay" $?
awk '/^\.Ss / { on = $2 == "Events" } on && /^\.Ic / { print $2 }' "${page[mbhaul-relay.1]}" | sort -u >described
comm -3 members described >out
none "mbhaul-relay(1) describes every member of an event, and no other" out
# Event by event: from one report_begin to its report_end. (One source writes `copied` for both sides, and so on.)
cat "${relay_sources[@]}" | awk '/report_begin\([^"]*"/ { split($0, part, "\""); event = part[2] }
	event && /cJSON_Add[A-Za-z]*\(/ { split($0, part, "\""); print event, part[2] } /report_end\(/ { event = "" }' | sort -u >pairs
[ "$(wc -l <pairs)" -ge 40 ]
check "the members of each event are found" $?
awk '/^\.Ss / { on = $2 == "Events" } on && /^\.It Cm / { event = $3 } on && event && /^\.Ic / { print event, $2 }' \
	"${page[mbhaul-relay.1]}" | sort -u >described
comm -3 pairs described >out
none "mbhaul-relay(1) says of each event what it has" out
{
	grep -ohE 'relay_failf?\([^;]*' "${relay_sources[@]}" | grep -oE '^relay_failf?\([&a-z>-]+, [^,]*' | grep -oE '"[a-z-]+"'
	grep -ohE '(reason = |return a->token_error|return relay_fail\(r, a->token_error)[^;,]*' "$here/driver/relay/relay.c" | grep -oE '"[a-z-]+"'
	sed -n '/^const char \*relay_reason/,/^}/p' "$here/driver/relay/relay.c" | grep -oE '"[a-z-]+"'
} | tr -d '"' | grep -vx unknown | sort -u >reasons
[ "$(wc -l <reasons)" -ge 15 ]
check "the reasons are found in driver/relay" $?
entries_of Reasons >described
comm -3 reasons described >out
none "mbhaul-relay(1) describes every reason, and no other" out
sed -n 's/.*CODE_[A-Z]* = \([0-9]*\),.*/\1/p' "$here/token-helper/base/err.h" | while read -r code; do
	grep -qE "^ +$code( |\$)" mbhaul-relay.1.txt || echo "$code"
done | grep -vxE '1|65' >out # those of mbhaul alone
none "every exit code of a relay stands in mbhaul-relay(1)" out
# Its two examples are account files.
for n in 1 2; do
	awk -v n=$n '/^ *\[account\]/ { k++ } k == n && /^ *(\[|[a-z-]+ = )/ { sub(/^ */, ""); print } k == n && /^ *$/ { exit }' \
		mbhaul-relay.1.txt | sed "s|^\(password-file\|events\|slots\) = .*/|\1 = $top/|; s/^host = .*/host = nowhere.invalid/" >example.account
	chmod 600 example.account
	echo geheim >password && chmod 600 password
	MBHAUL_RELAY_SHARD=1/1 timeout 60 "$build/mbhaul-relay" $([ $n = 1 ] && echo source || echo destination) -a "$top/example.account" \
		</dev/null >out 2>&1
	rc=$?
	[ -s example.account ] && [ $rc != 78 ] && [ $rc -lt 128 ]
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' example.account out
	check "example $n of mbhaul-relay(1) is an account" $rc
done

# ---- the sample configuration ----
"$build/mbhaul" init sample >/dev/null && "$build/mbhaul" --config sample/mbhaul.conf generate >out 2>&1
check "the template of init is accepted as it is" $?
sed -i 's/^;\([a-z][a-z-]* *=\)/\1/' sample/mbhaul.conf
[ "$(grep -cE '^(cloud|port|tls|password-file|exclude|include|map|jobs|mailboxes|haul|use|connections) *=' sample/mbhaul.conf)" = 12 ]
check "its commented keys are found" $?
"$build/mbhaul" --config sample/mbhaul.conf generate >out 2>&1
rc=$?
[ $rc = 0 ] || sed 's/^/# /' out
check "the template is accepted with its commented keys switched on" $rc
sed -n 's/^\([a-z][a-z-]*\) *=.*/\1/p' sample/mbhaul.conf | while read -r key; do
	grep -q " $key\$" keys || echo "$key"
done >out
none "every key of the template is a known one" out

# ---- the examples of mailboxes.csv(5) ----
"$build/mbhaul" init lists >/dev/null
awk '/^\.Bd / { on = 1; file = "lists/" ++n ".csv"; next } /^\.Ed/ { on = 0 } on { print >file }' "${page[mailboxes.csv.5]}"
[ -s lists/3.csv ]
check "mailboxes.csv(5) has examples" $?
for f in lists/[0-9].csv; do
	(umask 077 && cp "$f" lists/mailboxes.csv)
	"$build/mbhaul" --config lists/mbhaul.conf generate >out 2>&1
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' out
	check "example $(basename "$f" .csv) of mailboxes.csv(5) is accepted" $rc
done

# ---- the examples of mbhaul.conf(5) and README.md ----
example() { # file: what follows [profile contoso] up to the last key
	awk '/^ *\[profile contoso\]/ { on = 1 } on { sub(/^    /, "") } on && /^[^][a-z;]/ { exit } on' "$1"
}
for f in "$here/README.md" mbhaul.conf.5.txt; do
	mkdir -p example
	sed 's/^     /    /' "$f" >text
	example text | sed 's/^ *//' >example/mbhaul.conf
	printf 'Email\na@contoso.com\n' >example/mailboxes.csv
	grep -q '^host' example/mbhaul.conf && "$build/mbhaul" --config example/mbhaul.conf generate >out 2>&1
	rc=$?
	[ $rc = 0 ] || sed 's/^/# /' out
	check "the example configuration of ${f##*/} is accepted" $rc
	rm -rf example
done

# ---- words of status.json ----
# Those of the rules, asked from the table itself; the others as the sources assign them.
cat >words.c <<-'END'
	#include <stdio.h>
	#include "driver/classify_rules.h"
	int main(void)
	{
		for (size_t i = 0; i < classify_rules_count; i++)
			puts(classify_rules[i].reason);
		return 0;
	}
END
compile() {
	${CC:-cc} -std=gnu17 -D_GNU_SOURCE -I"$here" -I"$here/token-helper" -I"$here/token-helper/base" "$@" -o words words.c \
		"$build/libdriver.a" "$build/libbase.a" -lunistring >out 2>&1
}
# The build may be one with sanitizers.
{ compile || compile -fsanitize=address,undefined; } && ./words >words.list && [ "$(wc -l <words.list)" -gt 50 ]
check "the table of verdicts can be read" $?
grep -ohE '(reason = |settle\(v, VERDICT_[A-Z]+, |finish\(s, LEDGER_[A-Z]+, CODE_[A-Z]+, )[^;]*' "$here"/driver/{sync,sync_words,copy,look,sides,pairs,stubs,doubles,quota,dialect,classify}.c |
	grep -oE '"[a-z][a-z-]*"' | tr -d '"' >>words.list
sed -n '/^const char \*gate_word/,/^}/p' "$here/driver/gate.c" | grep -oE '"[a-z-]+"' | tr -d '"' >>words.list
# "message" and "messages-left" are the classifier's own and come into no file.
sort -u words.list | grep -vxE 'message|messages-left' >words.all
awk '/^ +The words of reason:/ { on = 1 } /^   [A-Za-z]/ && !/^ {4}/ { on = 0 } on' mbhaul.1.txt |
	grep -oE '^ +[a-z-]+(, [a-z-]+)*( |$)' | tr -d ' ' | tr , '\n' | sort -u >words.page
comm -23 words.all words.page >out
none "every reason in status.json is described in mbhaul(1)" out
comm -13 words.all words.page >out
none "mbhaul(1) describes no other reasons" out

# The members of status.json, as the ledger writes them.
grep -oE '(json_put|json_put_number|cJSON_Add[A-Za-z]*)\([a-z]+, "[a-z_]+"' "$here/driver/ledger_json.c" | grep -oE '"[a-z_]+"' | tr -d '"' |
	sort -u >members
[ "$(wc -l <members)" -gt 20 ]
check "the members of status.json are found in driver/ledger_json.c" $?
awk '/^\.Ss / { on = $2 == "status.json" } on && /^\.(It )?Ic / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z_]+$/) print $i }' \
	"${page[mbhaul.1]}" | sort -u >described
comm -23 members described >out
none "every member of status.json is described in mbhaul(1)" out
comm -13 members described >out
none "mbhaul(1) describes no other members" out

# The members of status --json, and its kinds of events.
sed -n '/^\/\* ---- JSON/,/^\/\* ---- Prometheus/p' "$here/driver/overview_export.c" |
	grep -oE '(json_put|json_put_number|cJSON_Add[A-Za-z]*)\([a-z]+, "[a-z_]+"' | grep -v '(states,' | grep -oE '"[a-z_]+"' | tr -d '"' |
	sort -u >members
[ "$(wc -l <members)" -gt 40 ]
check "the members of status --json are found in driver/overview_export.c" $?
awk '/^\.Ss / { on = $2 == "status" } on && /^\.(It )?Ic / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z_]+$/) print $i }' \
	"${page[mbhaul.1]}" | sort -u >described
comm -3 members described >out
none "mbhaul(1) describes every member of status --json, and no other" out
{
	grep -oE 'kind = [^;]*' "$here/driver/overview_events.c"
	grep -oE 'add_to_group\(groups, &n_groups, b, [^;]*EVENT' "$here/driver/overview_events.c"
} | grep -oE '"[a-z]+"' | tr -d '"' | sort -u >kinds
[ "$(wc -l <kinds)" -ge 9 ]
check "the kinds of events are found in driver/overview_events.c" $?
awk '/^\.Ss / { on = $2 == "status" } on && /^The kinds:/ { kinds = 1 } on && /^\.It / { kinds = 0 } kinds && /^\.Cm / {
	for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+$/) print $i }' "${page[mbhaul.1]}" | sort -u >described
comm -3 kinds described >out
none "mbhaul(1) describes every kind of event, and no other" out
# The members of verify.json and verify.jsonl, the classes, the verdicts, the fates and the reasons.
verify_json=$here/driver/verify_json.c
written() { grep -oE '(json_put|json_put_number|cJSON_Add[A-Za-z]*)\([a-z]+, "[a-z_]+"' | grep -oE '"[a-z_]+"' | tr -d '"'; }
described_in() { # heading
	awk -v heading="$1" '/^\.Ss / { on = $2 == heading } on && /^\.(It )?Ic / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z_]+$/) print $i }' \
		"${page[mbhaul.1]}" | sort -u
}
sed -n '/classes\[VERIFY_CLASSES\]/,/};/p' "$verify_json" | grep -oE '"[a-z]+"' | tr -d '"' | sort -u >classes
[ "$(wc -l <classes)" -ge 12 ]
check "the classes of verify are found in driver/verify_json.c" $?
{ sed -n '/^static void put_counts/,/^static char \*text_of/p' "$verify_json" | written; sed 's/^double$/doubles/' classes; } | sort -u >members
described_in verify.json >described
[ "$(wc -l <members)" -gt 40 ] && comm -3 members described >out
none "mbhaul(1) describes every member of verify.json, and no other" out
sed -n '/^char \*verify_format_row/,/^}/p' "$verify_json" | written | sort -u >members
described_in verify.jsonl >described
[ "$(wc -l <members)" -gt 10 ] && comm -3 members described >out
none "mbhaul(1) describes every member of verify.jsonl, and no other" out
awk '/^\.Ss / { on = /What verify does/ } on && /^\.It Cm / { print $3 }' "${page[mbhaul.1]}" | sort -u >described
{ cat classes; sed -n 's/^static const char \*const verdicts.*{"", //p' "$verify_json" | grep -oE '"[a-z]+"' | tr -d '"'; } | sort -u >members
comm -3 members described >out
none "mbhaul(1) describes every class and every verdict of verify, and no other" out
{
	grep -ohE 'words\[\] = \{"copy".*' "$here/driver/verify_plan.c"
	grep -ohE '(->fate, |\? )"[a-z]+"' "$here"/driver/verify_{plan,hidden}.c
} | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >members
awk '/^\.Ss / { on = $2 == "verify.json" } on && /^\.Ic fate/ { fate = 1 } /^\.Ic trouble/ { fate = 0 } on && fate' "${page[mbhaul.1]}" |
	grep -oE '[a-z]+(-[a-z]+)?' | grep -vxE 'fate|or|m' | sort -u >described
comm -3 members described | grep -vE '^\s*(o|c|c|ic|po|pc|cm)$' >out
none "mbhaul(1) describes every fate of a folder in verify.json, and no other" out
grep -ohE '(verify_trouble\([^,]*, |cannot\(&?[a-z.>-]*, |->now.reason, |\.reason = |\? )"[a-z-]+"( :)?' "$here"/driver/verify_{box,look}.c |
	grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >members
awk '/^\.Ss / { on = $2 == "verify.json" } on && /^\.Cm / { print $2 }' "${page[mbhaul.1]}" | sort -u >described
[ "$(wc -l <members)" -gt 5 ] && grep -vxF -f described members | grep -vxF -f words.page | grep -vxE 'source|destination|sample|uids|deep' >out
none "every reason in verify.json is described in mbhaul(1)" out

# The members of check.jsonl, and the verdicts.
sed -n '/^static void put_source/,/^static const struct {/p' "$here/driver/check_file.c" |
	grep -oE '(json_put|json_put_number|cJSON_Add[A-Za-z]*)\([a-z]+, "[a-z_]+"' | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u >members
[ "$(wc -l <members)" -gt 30 ]
check "the members of check.jsonl are found in driver/check_file.c" $?
awk '/^\.Ss / { on = $2 == "check.jsonl" } on && /^\.(It )?Ic / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z_]+$/) print $i }' \
	"${page[mbhaul.1]}" | grep -vxE 'sent|trash|drafts|junk|archive' | sort -u >described
comm -3 members described >out
none "mbhaul(1) describes every member of check.jsonl, and no other" out
grep -oE '(AND_[A-Z_ |]*|0), (AND_[A-Z_ |]*|0), "[a-z-]+", (READY|WAITING|ACT|FAILED)' "$here/driver/diagnose_table.c" |
	grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >verdicts
[ "$(wc -l <verdicts)" -gt 20 ]
check "the verdicts are found in driver/diagnose_table.c" $?
awk '/The verdicts:/ { on = 1 } /^\.Ss / { on = 0 } on && /^\.It Cm / { for (i = 3; i <= NF; i++) if ($i ~ /^[a-z-]+$/) print $i }' \
	"${page[mbhaul.1]}" | sort -u >described
comm -3 verdicts described >out
none "mbhaul(1) describes every verdict, and no other" out

# The columns of results.csv, and the members of results.json.
described_in() { # heading: the words of its .Ic
	awk -v heading="$1" '/^\.S[sh] / { on = $2 == heading } on && /^\.(It )?Ic / { for (i = 2; i <= NF; i++) if ($i ~ /^[A-Za-z_]+$/ && $i != "Ic") print $i }' \
		"${page[mbhaul.1]}" | sort -u
}
sed -n '/^static const char \*const columns/,/^};/p' "$here/driver/report_files.c" | grep -oE '"[A-Za-z]+"' | tr -d '"' | sort -u >columns
[ "$(wc -l <columns)" -gt 20 ]
check "the columns of results.csv are found in driver/report_files.c" $?
described_in results.csv >described
comm -3 columns described >out
none "mbhaul(1) describes every column of results.csv, and no other" out
{
	grep -oE '(json_put|json_put_number|cJSON_Add[A-Za-z]*)\([a-z]+, "[a-z_]+"' "$here/driver/report_files.c" | grep -oE '"[a-z_]+"' | tr -d '"'
	printf '%s\n' version mailboxes sum made # that are not made with cJSON
} | sort -u >members
[ "$(wc -l <members)" -gt 40 ]
check "the members of results.json are found in driver/report_files.c" $?
described_in results.json >described
comm -3 members described >out
none "mbhaul(1) describes every member of results.json, and no other" out
sed -n '/^} states\[REPORT_STATES\]/,/^};/p' "$here/driver/report_box.c" | grep -oE '\{"[a-z]+"' | tr -d '{"' | sort -u >states
[ "$(wc -l <states)" = 10 ]
check "the states are found in driver/report_box.c" $?
awk '/^\.Ss / { on = $2 == "results.csv" } on && /^\.It / { state = $3 == "State" } on && state && /^\.Cm / { print $2 }' "${page[mbhaul.1]}" |
	sort -u >described
comm -3 states described >out
none "mbhaul(1) describes every state of results.csv, and no other" out

# The kinds of what was not copied.
{
	sed -n '/^static const char \*kind_of/,/^}/p' "$here/driver/pairs.c"
	grep -ohE 'kind, [^;]*' $(ls "$here"/driver/*.c | grep -v /overview)
	grep -oE 'list_messages\([^;]*"[a-z-]+", ' "$here/driver/pairs.c"
} | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >kinds
[ "$(wc -l <kinds)" -ge 6 ]
check "the kinds of what was not copied are found in the sources" $?
awk '/^\.It / { on = $3 == "uncopied" } on && /^\.Cm / { print $2 }' "${page[mbhaul.1]}" | sort -u >described
comm -3 kinds described >out
none "mbhaul(1) describes each kind of what was not copied, and no other" out

# ---- exit codes: the same in all places ----
sed -n 's/.*CODE_[A-Z]* = \([0-9]*\),.*/\1/p' "$here/token-helper/base/err.h" | while read -r code; do
	grep -qE "^ +$code( |\$)" mbhaul.1.txt || echo "mbhaul(1): $code"
	grep -qE "^\| $code \|" "$here/README.md" || echo "README.md: $code"
done >out
none "every exit code stands in mbhaul(1) and README.md" out

# ---- links ----
grep -oE '\]\([^)]+\)' "$here/README.md" | sed 's/^](//; s/)$//; s/#.*//' | grep -vE '^(https?:|$)' | sort -u >links
[ "$(wc -l <links)" -ge 5 ]
check "README.md has links to files" $?
while read -r link; do
	[ -e "$here/$link" ] || echo "$link"
done <links >out
none "every file that README.md links to is there" out
grep -E '^[a-z].*  ' "$here/contrib/README" | awk '{ print $1 }' >out
[ -s out ] && (cd "$here/contrib" && xargs ls -d >/dev/null 2>&1 <"$top/out")
check "contrib/README names what is there" $?
grep -oE '(^    |`|sudo )make [a-z][a-z-]*' "$here/README.md" | grep -oE 'make .*' | sort -u | awk '{ print $2 }' | while read -r target; do
	grep -qE "^([a-z-]+ )*$target( [a-z-]+)*:" "$here/Makefile" || echo "make $target"
done >out
none "every target of make in README.md is in the Makefile" out

# ---- completion ----
bash -n "$here/contrib/completion/mbhaul"
check "the completion is a script" $?
offered() { # line: what is offered
	PATH=$build:$PATH bash -c '. "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _mbhaul; printf "%s\n" "${COMPREPLY[@]}"' _ \
		"$here/contrib/completion/mbhaul" "$1"
}
printf 'Email\nalice@contoso.com\nbob@contoso.com\n' >sample/mailboxes.csv
[ "$(offered 'mbhaul --config sample/mbhaul.conf sync al' | tr -d '\n')" = alice@contoso.com ]
check "the completion offers the addresses of the CSV" $?
for c in $commands; do
	offered 'mbhaul ' | grep -qx "$c" || echo "$c"
	case $c in init) continue ;; esac
	options <"help.$c" | grep -vx -- --config | while read -r o; do
		offered "mbhaul $c --" | grep -qx -- "$o" || echo "$c $o"
	done
done >out
options <mbhaul-token.help | while read -r o; do
	{ offered 'mbhaul-token '; offered 'mbhaul-token get --'; offered 'mbhaul-token forget --'; offered 'mbhaul-token serve --'
		offered 'mbhaul-token new-certificate --'; } | grep -qx -- "$o" || echo "$o"
done >>out
options <mbhaul-relay.help | while read -r o; do offered 'mbhaul-relay source --' | grep -qx -- "$o" || echo "$o"; done >>out
for c in source destination; do offered 'mbhaul-relay ' | grep -qx "$c" || echo "$c"; done >>out
none "the completion knows every command and option" out

exit $failed
